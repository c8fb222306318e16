# Not built yet: nobody has run it. The core alone, without training and simulation:
#   docker build -t leafwood .
#   docker run --rm -v "$PWD:/data" leafwood segment scan.laz
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++
COPY . /src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /src

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl && rm -rf /wheels
WORKDIR /data
ENTRYPOINT ["leafwood"]
