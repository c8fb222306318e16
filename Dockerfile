# Not built yet: nobody has run it. The core alone, without training and simulation:
#   docker build -t leafwood .
#   docker run --rm -v "$PWD:/data" leafwood segment scan.laz
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src
WORKDIR /data
ENTRYPOINT ["leafwood"]
