// Files in a ZIP archive, as they are: pictures are compressed already. PKWARE's APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.

const UTF8 = 0x800;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Archives grow file by file; `blob()` gives the whole. At most 65,535 files and 4 GB. */
export class Zip {
  constructor() {
    /** @type {BlobPart[]} */
    this.parts = [];
    /** @type {BlobPart[]} */
    this.index = [];
    this.size = 0;
    this.count = 0;
    this.indexSize = 0;
  }

  /** @param {string} path @param {Blob} file */
  async add(path, file) {
    const name = new TextEncoder().encode(path);
    const crc = crc32(new Uint8Array(await file.arrayBuffer()));
    /** @type {[number, number][]} */
    const facts = [[20, 2], [UTF8, 2], [0, 2], [0, 2], [0x21, 2], [crc, 4], [file.size, 4], [file.size, 4], [name.length, 2], [0, 2]];
    const local = numbers([[0x04034b50, 4], ...facts]);
    const central = numbers([[0x02014b50, 4], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [this.size, 4]]);
    this.parts.push(local, name, file);
    this.index.push(central, name);
    this.size += local.length + name.length + file.size;
    this.indexSize += central.length + name.length;
    this.count += 1;
  }

  blob() {
    const end = numbers([[0x06054b50, 4], [0, 2], [0, 2], [this.count, 2], [this.count, 2], [this.indexSize, 4], [this.size, 4], [0, 2]]);
    return new Blob([...this.parts, ...this.index, end], { type: "application/zip" });
  }
}

/** Whole numbers, each of 2 or 4 bytes. @param {[number, number][]} values */
function numbers(values) {
  const bytes = new Uint8Array(values.reduce((sum, [, width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, width] of values) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return bytes;
}
