// A packed cloud: base64 of a zlib stream that holds the columns one after the other.
//
// The columns are x, y and z as differences modulo 65536 from point to point, the low bytes of all points before the
// high bytes, and then one byte per point for each column that the header names.

async function inflate(base64) {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function unpack(header, base64) {
  const bytes = await inflate(base64);
  const n = header.shown;
  const position = new Uint16Array(3 * n);
  for (let axis = 0; axis < 3; axis++) {
    const low = 2 * axis * n;
    const high = low + n;
    let value = 0;
    for (let i = 0; i < n; i++) {
      value = (value + bytes[low + i] + 256 * bytes[high + i]) & 65535;
      position[3 * i + axis] = value;
    }
  }
  const columns = {};
  header.columns.forEach((name, j) => {
    columns[name] = bytes.subarray((6 + j) * n, (7 + j) * n);
  });
  return { position, columns };
}
