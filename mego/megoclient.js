// MegoClient speaks with a Mego engine from a page, a worker or Node: it calls
// methods, subscribes to events and uploads files, over one WebSocket.
//
//	const mego = new MegoClient("/mego");
//	mego.call("Sum").send([1, 2]).end().then(({result}) => console.log(result));
//
//	mego.on("Message", ({data}) => show(data));
//	await mego.subscribe("Message", "tea");
//
//	await mego.call("Photo").sendFileChunks(input.files[0])
//		.progress(({loaded, total}) => { bar.value = loaded / total; })
//		.end();
//
// It is one file that needs nothing else: no build step, no eval, no document.
// Loaded by <script>, importScripts or import it sets the globals MegoClient and
// MegoError; require returns MegoClient. Its syntax is that of ES2018; integers
// beyond 2^53 need BigInt.
//
// Where an answer is an error, a promise is rejected with a MegoError: it has a
// code, a message and data as the server sent them, and a kind:
//
//	reply    the server has answered with an error
//	timeout  there was no answer in time; the code is StatusTimeout
//	closed   the connection was lost, or could not be made; data is {code, reason} of its end
//	aborted  the server does not want more of the file
//	misuse   it cannot be done like that, and nothing was sent

(function () {
"use strict";

const root = typeof self !== "undefined" ? self : typeof window !== "undefined" ? window : global;

// ---------------------------------------------------------------- MessagePack

// How deep arrays and maps may be nested, for both directions.
const maxDepth = 100;
const two32 = 4294967296;
const two53 = 9007199254740992; // integers up to here are numbers, others BigInts

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", {ignoreBOM: true}); // what is not UTF-8 becomes U+FFFD

// An Ext is a value of an extension type that is not known here.
class Ext {
	constructor(type, data) {
		this.type = type; // -128 to 127
		this.data = data; // Uint8Array
	}
}

// encode returns a value as MessagePack, in a Uint8Array:
//
//	undefined, null               nil
//	integers up to 2^53, BigInts  the shortest integer
//	other numbers, and -0         float 64
//	strings                       str
//	ArrayBuffers and views        bin
//	Arrays, Sets                  array
//	Maps, other objects           map
//	Dates                         timestamp
//	Exts                          extension
//	what has a toJSON method      what that returns
//
// It throws a TypeError for functions, symbols, promises and Blobs, and a
// RangeError for what is nested too deeply or a BigInt of more than 64 bits.
function encode(value) {
	const e = new Encoder();
	e.value(value, 0);
	return e.bytes.subarray(0, e.length);
}

class Encoder {
	constructor() {
		this.bytes = new Uint8Array(256);
		this.view = new DataView(this.bytes.buffer);
		this.length = 0; // of bytes, what is used
	}

	// room makes room for n bytes and returns where it begins.
	room(n) {
		const at = this.length;
		this.length += n;
		if (this.length > this.bytes.length) {
			const grown = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
			grown.set(this.bytes);
			this.bytes = grown;
			this.view = new DataView(grown.buffer);
		}
		return at;
	}

	// The room has to be there before bytes or view is looked at: it may replace
	// them.

	byte(b) {
		const at = this.room(1);
		this.bytes[at] = b;
	}

	uint16(n) {
		const at = this.room(2);
		this.view.setUint16(at, n);
	}

	uint32(n) {
		const at = this.room(4);
		this.view.setUint32(at, n);
	}

	raw(bytes) {
		const at = this.room(bytes.length);
		this.bytes.set(bytes, at);
	}

	// sized writes a format that is followed by an unsigned number of 8, 16 or 32
	// bits: code is that of the first, and the others come next.
	sized(code, n) {
		if (n < 0x100) {
			this.byte(code);
			this.byte(n);
		} else if (n < 0x10000) {
			this.byte(code + 1);
			this.uint16(n);
		} else {
			this.byte(code + 2);
			this.uint32(n);
		}
	}

	// container writes the head of an array or map of n entries. There is no format
	// with 8 bits.
	container(fixed, code, n) {
		if (n < 16) {
			this.byte(fixed | n);
		} else if (n < 0x10000) {
			this.byte(code);
			this.uint16(n);
		} else {
			this.byte(code + 1);
			this.uint32(n);
		}
	}

	value(v, depth) {
		switch (typeof v) {
		case "undefined":
			return this.byte(0xc0);
		case "boolean":
			return this.byte(v ? 0xc3 : 0xc2);
		case "number":
			return this.number(v);
		case "bigint":
			return this.bigint(v);
		case "string":
			return this.string(v);
		case "object":
			return v === null ? this.byte(0xc0) : this.object(v, depth);
		}
		throw new TypeError("mego: a " + typeof v + " cannot be encoded");
	}

	number(n) {
		if (!Number.isInteger(n) || Math.abs(n) > two53 || Object.is(n, -0)) {
			this.byte(0xcb);
			const at = this.room(8);
			this.view.setFloat64(at, n);
		} else if (n >= two32 || n < -0x80000000) {
			this.byte(n > 0 ? 0xcf : 0xd3);
			const high = Math.floor(n / two32);
			this.uint32(high); // of a negative number, its two's complement
			this.uint32(n - high * two32);
		} else if (n >= 0x80) {
			this.sized(0xcc, n);
		} else if (n >= -0x20) {
			this.byte(n & 0xff);
		} else if (n >= -0x80) {
			this.byte(0xd0);
			this.byte(n & 0xff);
		} else if (n >= -0x8000) {
			this.byte(0xd1);
			this.uint16(n);
		} else {
			this.byte(0xd2);
			this.uint32(n);
		}
	}

	bigint(n) {
		if (n >= -two53 && n <= two53) {
			return this.number(Number(n));
		}
		if (BigInt.asUintN(64, n) === n) {
			this.byte(0xcf);
			const at = this.room(8);
			this.view.setBigUint64(at, n);
		} else if (BigInt.asIntN(64, n) === n) {
			this.byte(0xd3);
			const at = this.room(8);
			this.view.setBigInt64(at, n);
		} else {
			throw new RangeError("mego: " + n + " has more than 64 bits");
		}
	}

	string(s) {
		const bytes = utf8Encoder.encode(s);
		if (bytes.length < 32) {
			this.byte(0xa0 | bytes.length);
		} else {
			this.sized(0xd9, bytes.length);
		}
		this.raw(bytes);
	}

	object(v, depth) {
		const bytes = bytesOf(v);
		if (bytes) {
			this.sized(0xc4, bytes.length);
			return this.raw(bytes);
		}
		if (v instanceof Date) {
			return this.date(v);
		}
		if (v instanceof Ext) {
			return this.ext(v.type, v.data);
		}
		if (depth >= maxDepth) {
			throw new RangeError("mego: nested deeper than " + maxDepth);
		}
		depth++;
		if (typeof v.toJSON === "function") {
			return this.value(v.toJSON(), depth);
		}
		if (v instanceof Number || v instanceof String || v instanceof Boolean) {
			return this.value(v.valueOf(), depth);
		}
		if (Array.isArray(v) || v instanceof Set) {
			const list = Array.from(v); // what is missing is undefined
			this.container(0x90, 0xdc, list.length);
			return list.forEach(item => this.value(item, depth));
		}
		if (v instanceof Map) {
			this.container(0x80, 0xde, v.size);
			return v.forEach((item, key) => {
				this.key(key);
				this.value(item, depth);
			});
		}
		if (typeof v.then === "function") {
			throw new TypeError("mego: a promise cannot be encoded: await it");
		}
		if (isBlob(v)) {
			throw new TypeError("mego: a file cannot be encoded: sendFile sends it");
		}
		const keys = Object.keys(v);
		this.container(0x80, 0xde, keys.length);
		for (const key of keys) {
			this.string(key);
			this.value(v[key], depth);
		}
	}

	key(v) {
		if (typeof v === "object" && v !== null) {
			throw new TypeError("mego: an object cannot be the key of a map");
		}
		this.value(v, 0);
	}

	// date writes a timestamp in 32, 64 or 96 bits, whichever holds it.
	date(v) {
		const time = v.getTime();
		if (Number.isNaN(time)) {
			throw new RangeError("mego: an invalid date cannot be encoded");
		}
		const seconds = Math.floor(time / 1000);
		const nanoseconds = (time - seconds * 1000) * 1e6;
		const b = new DataView(new ArrayBuffer(12));
		if (seconds >= 0 && seconds < two32 && nanoseconds === 0) {
			b.setUint32(0, seconds);
			this.ext(-1, new Uint8Array(b.buffer, 0, 4));
		} else if (seconds >= 0 && seconds < two32 * 4) {
			b.setUint32(0, nanoseconds * 4 + Math.floor(seconds / two32));
			b.setUint32(4, seconds % two32);
			this.ext(-1, new Uint8Array(b.buffer, 0, 8));
		} else {
			const high = Math.floor(seconds / two32);
			b.setUint32(0, nanoseconds);
			b.setInt32(4, high);
			b.setUint32(8, seconds - high * two32);
			this.ext(-1, new Uint8Array(b.buffer));
		}
	}

	ext(type, data) {
		if (!Number.isInteger(type) || type < -128 || type > 127) {
			throw new RangeError("mego: " + type + " is no extension type");
		}
		const bytes = bytesOf(data);
		if (!bytes) {
			throw new TypeError("mego: the data of an extension are no bytes");
		}
		const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
		if (fixed >= 0) {
			this.byte(0xd4 + fixed);
		} else {
			this.sized(0xc7, bytes.length);
		}
		this.byte(type & 0xff);
		this.raw(bytes);
	}
}

// bytesOf returns the bytes of an ArrayBuffer or a view, or null.
function bytesOf(v) {
	if (v instanceof Uint8Array) {
		return v;
	}
	if (ArrayBuffer.isView(v)) {
		return new Uint8Array(v.buffer, v.byteOffset, v.byteLength);
	}
	return Object.prototype.toString.call(v) === "[object ArrayBuffer]" ? new Uint8Array(v) : null;
}

// isBlob reports whether v is a File or Blob, of whatever realm.
function isBlob(v) {
	return typeof v === "object" && v !== null && typeof v.slice === "function" && typeof v.size === "number";
}

// decode returns the value that bytes, a Uint8Array or ArrayBuffer, are in
// MessagePack:
//
//	integers up to 2^53          number
//	others                       BigInt
//	bin                          Uint8Array, a copy
//	map with strings as keys     object; any key is a property of its own
//	any other map                Map
//	timestamp                    Date, or Ext where Date does not reach
//	other extensions             Ext
//
// It throws a RangeError for what is no MessagePack, or has more after it, and
// believes no length before the bytes are there.
function decode(bytes) {
	const input = bytesOf(bytes);
	if (!input) {
		throw new TypeError("mego: only bytes can be decoded");
	}
	const d = new Decoder(input);
	const value = d.value(0);
	if (d.at !== input.length) {
		d.fail(d.at, "there is more after the value");
	}
	return value;
}

class Decoder {
	constructor(bytes) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.at = 0;
	}

	fail(at, why) {
		throw new RangeError("mego: malformed MessagePack at byte " + at + ": " + why);
	}

	// take goes n bytes on, and returns where they begin.
	take(n) {
		const at = this.at;
		if (n > this.bytes.length - at) {
			this.fail(at, "it is cut off");
		}
		this.at += n;
		return at;
	}

	uint(bits) {
		const at = this.take(bits / 8);
		return bits === 8 ? this.bytes[at] : bits === 16 ? this.view.getUint16(at) : this.view.getUint32(at);
	}

	value(depth) {
		const at = this.take(1);
		const code = this.bytes[at];
		if (code < 0x80) {
			return code;
		} else if (code < 0x90) {
			return this.map(at, code & 15, depth);
		} else if (code < 0xa0) {
			return this.array(at, code & 15, depth);
		} else if (code < 0xc0) {
			return this.string(code & 31);
		} else if (code >= 0xe0) {
			return code - 0x100;
		}
		switch (code) {
		case 0xc0: return null;
		case 0xc2: return false;
		case 0xc3: return true;
		case 0xc4: case 0xc5: case 0xc6: return this.bin(this.uint(8 << (code - 0xc4)));
		case 0xc7: case 0xc8: case 0xc9: return this.ext(at, this.uint(8 << (code - 0xc7)));
		case 0xca: return this.view.getFloat32(this.take(4));
		case 0xcb: return this.view.getFloat64(this.take(8));
		case 0xcc: case 0xcd: case 0xce: return this.uint(8 << (code - 0xcc));
		case 0xcf: return this.long(false);
		case 0xd0: return this.view.getInt8(this.take(1));
		case 0xd1: return this.view.getInt16(this.take(2));
		case 0xd2: return this.view.getInt32(this.take(4));
		case 0xd3: return this.long(true);
		case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.ext(at, 1 << (code - 0xd4));
		case 0xd9: case 0xda: case 0xdb: return this.string(this.uint(8 << (code - 0xd9)));
		case 0xdc: case 0xdd: return this.array(at, this.uint(16 << (code - 0xdc)), depth);
		case 0xde: case 0xdf: return this.map(at, this.uint(16 << (code - 0xde)), depth);
		}
		return this.fail(at, "0xc1 is no format");
	}

	// long returns an integer of 64 bits.
	long(signed) {
		const at = this.take(8);
		const high = signed ? this.view.getInt32(at) : this.view.getUint32(at);
		const low = this.view.getUint32(at + 4);
		const n = high * two32 + low;
		if (Math.abs(n) < two53 || (Math.abs(n) === two53 && low === 0)) { // n was not rounded
			return n;
		}
		return signed ? this.view.getBigInt64(at) : this.view.getBigUint64(at);
	}

	string(n) {
		const at = this.take(n);
		return utf8Decoder.decode(this.bytes.subarray(at, at + n));
	}

	bin(n) {
		const at = this.take(n);
		return this.bytes.slice(at, at + n);
	}

	// enter checks that the input can have as many bytes, and may be as deep.
	enter(at, least, depth) {
		if (least > this.bytes.length - this.at) {
			this.fail(at, "it has more entries than there are bytes");
		}
		if (depth >= maxDepth) {
			this.fail(at, "nested deeper than " + maxDepth);
		}
	}

	array(at, n, depth) {
		this.enter(at, n, depth);
		const list = [];
		for (let i = 0; i < n; i++) {
			list.push(this.value(depth + 1));
		}
		return list;
	}

	// map makes an object as long as all keys are strings, and a Map from then on.
	map(at, n, depth) {
		this.enter(at, 2 * n, depth);
		const object = {};
		let map = null;
		for (let i = 0; i < n; i++) {
			const where = this.at;
			const key = this.value(depth + 1);
			if (typeof key === "object" && key !== null) {
				this.fail(where, "it cannot be the key of a map");
			}
			if (!map && typeof key !== "string") {
				map = new Map(Object.entries(object));
			}
			const value = this.value(depth + 1);
			if (map) {
				map.set(key, value);
			} else if (key === "__proto__") { // to assign it would set the prototype
				Object.defineProperty(object, key, {value, writable: true, enumerable: true, configurable: true});
			} else {
				object[key] = value;
			}
		}
		return map || object;
	}

	ext(at, n) {
		const type = this.view.getInt8(this.take(1));
		const data = this.bin(n);
		return type === -1 ? this.date(at, data) : new Ext(type, data);
	}

	date(at, data) {
		const b = new DataView(data.buffer);
		let seconds, nanoseconds = 0;
		switch (data.length) {
		case 4:
			seconds = b.getUint32(0);
			break;
		case 8:
			nanoseconds = b.getUint32(0) >>> 2;
			seconds = (b.getUint32(0) & 3) * two32 + b.getUint32(4);
			break;
		case 12:
			nanoseconds = b.getUint32(0);
			seconds = b.getInt32(4) * two32 + b.getUint32(8);
			break;
		default:
			this.fail(at, "a timestamp has no " + data.length + " bytes");
		}
		if (nanoseconds > 999999999) {
			this.fail(at, "a timestamp has too many nanoseconds");
		}
		const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
		return Number.isNaN(date.getTime()) ? new Ext(-1, data) : date;
	}
}

// -------------------------------------------------------------------- SHA-256

const roundConstants = new Int32Array([
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

// A Sha256 is the SHA-256 of bytes that come in pieces, by FIPS 180-4. The
// SubtleCrypto of browsers wants all at once, and is absent where a page came
// over plain HTTP.
class Sha256 {
	constructor() {
		this.state = new Int32Array([
			0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
		]);
		this.schedule = new Int32Array(64);
		this.rest = new Uint8Array(64); // what does not make a block yet
		this.length = 0; // of all bytes
	}

	update(bytes) {
		let at = 0;
		const used = this.length % 64;
		this.length += bytes.length;
		if (used > 0) {
			at = Math.min(64 - used, bytes.length);
			this.rest.set(bytes.subarray(0, at), used);
			if (used + at < 64) {
				return;
			}
			this.block(this.rest, 0);
		}
		for (; at + 64 <= bytes.length; at += 64) {
			this.block(bytes, at);
		}
		this.rest.set(bytes.subarray(at));
	}

	// digest returns the 32 bytes. There is nothing to be added after it.
	digest() {
		const bits = this.length * 8;
		const padding = new Uint8Array(9 + (119 - this.length % 64) % 64); // up to the end of a block
		padding[0] = 0x80;
		const view = new DataView(padding.buffer);
		view.setUint32(padding.length - 8, Math.floor(bits / two32));
		view.setUint32(padding.length - 4, bits % two32);
		this.update(padding);
		const sum = new DataView(new ArrayBuffer(32));
		this.state.forEach((word, i) => sum.setInt32(4 * i, word));
		return new Uint8Array(sum.buffer);
	}

	block(bytes, at) {
		const w = this.schedule;
		for (let i = 0; i < 16; i++, at += 4) {
			w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
		}
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15], y = w[i - 2];
			const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
			const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
			w[i] = w[i - 16] + s0 + w[i - 7] + s1;
		}
		const s = this.state;
		let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
		for (let i = 0; i < 64; i++) {
			const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
			const t1 = h + s1 + (e & f ^ ~e & g) + roundConstants[i] + w[i] | 0;
			const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
			const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
			h = g; g = f; f = e; e = d + t1 | 0;
			d = c; c = b; b = a; a = t1 + t2 | 0;
		}
		s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
	}
}

// --------------------------------------------------------------------- client

// The codes of errors. Those of 1 and more are the application's.
const status = {
	StatusError: -1000, // the server failed
	StatusFull: -1001, // there is no room
	StatusExists: -1002, // there is one already
	StatusInvalid: -1003, // the request is malformed
	StatusNotFound: -1004, // what was asked for does not exist
	StatusNotAuthorized: -1005, // the user must log in first
	StatusNoPermission: -1006, // the user is known, and may not
	StatusUnimplemented: -1007, // there is no such method
	StatusTooManyRequests: -1008, // there were too many of late
	StatusResourceExhausted: -1009, // the user's quota is used up
	StatusBusy: -1010, // the server has too much to do
	StatusFileRetry: -1011, // a chunk went wrong
	StatusFileEmpty: -1012, // a file has no bytes
	StatusFileTooLarge: -1013, // a file has too many
	StatusTimeout: -1014, // there was no answer in time
};

// Names that mean something to the server.
const subscribeMethod = "MegoSubscribe";
const unsubscribeMethod = "MegoUnsubscribe";
const chunkNext = "MegoChunkNext";
const chunkAbort = "MegoChunkAbort";

// What on is told of by the client itself.
const builtIn = new Set(["open", "close", "reopen", "message", "error"]);

const defaults = {timeout: 15000, uploadTimeout: 30000, chunkSize: 1 << 20, autoConnect: true};
const malformed = 4007; // the close code for a server that is not understood
const closeWait = 1000; // for the server's answer to a close, in milliseconds
const maxRetries = 3; // of a chunk, without getting on

function nothing() {}

// handled marks a promise as one whose rejection may be ignored: what it says is
// told otherwise, too.
function handled(promise) {
	promise.catch(nothing);
	return promise;
}

// A MegoError is why a promise was rejected.
class MegoError extends Error {
	constructor(code, message, data, kind) {
		super(message);
		this.name = "MegoError";
		this.code = code;
		this.data = data === undefined ? null : data;
		this.kind = kind || "reply";
	}
}

function misuse(message) {
	return new MegoError(status.StatusInvalid, "mego: " + message, null, "misuse");
}

function timedOut(what, timeout) {
	return new MegoError(status.StatusTimeout, "mego: " + what + " within " + timeout + " ms", null, "timeout");
}

// A MegoResponse is an answer. Where a value is wanted, it is its result.
class MegoResponse {
	constructor(result, id) {
		this.result = result;
		this.id = id;
	}

	toString() {
		return String(this.result);
	}

	valueOf() {
		const r = this.result;
		return r === null ? r : r.valueOf();
	}

	toJSON() {
		const r = this.result;
		return r !== null && typeof r.toJSON === "function" ? r.toJSON() : r;
	}
}

// A MegoClient is a connection, or several one after another under one MegoID.
//
// The url is ws, wss, http or https; without a scheme it is ws, and what begins
// with a slash is on the host of the page. Options are
//
//	timeout        ms for connecting and for an answer; 15000, 0 for no limit
//	uploadTimeout  ms for the answer to a file or a chunk; 30000, 0 for no limit
//	chunkSize      bytes of a chunk; 1 MB
//	autoConnect    whether it connects by itself, at the next tick; true
//
// What is called before the connection is there waits for it. There is no
// reconnection by itself: reconnect is for whoever hears of "close".
class MegoClient {
	constructor(url, options) {
		this.url = addressOf(url);
		this.options = optionsOf(options);
		// The MegoID: a name for the server to know the client by after a reconnect.
		// It may be set before connecting.
		this.uuid = randomUUID();

		this._state = "new"; // then connecting, open, closed, and over again
		this._keys = {};
		this._socket = null;
		this._attempt = null; // {promise, resolve, reject, name} of the last attempt to connect
		this._byItself = false; // that is what the attempt was made
		this._patience = 0; // timer of the attempt
		this._lastID = 0; // of a request
		this._lastFile = 0; // number of a file
		this._pending = new Map(); // id => {resolve, reject, timer}
		this._queue = []; // {send, fail}, until the connection is open
		this._subscriptions = new Map(); // key => parameters
		this._handlers = new Map(); // name => functions
		this._why = null; // MegoError of why the last connection ended
		this._closing = Promise.resolve(); // what close has returned
		this._tick = 0; // timer of connecting by itself
		if (this.options.autoConnect) {
			this._tick = setTimeout(() => {
				this._byItself = true;
				this._dial("open");
			}, 0);
		}
	}

	// connected is whether calls go out at once.
	get connected() {
		return this._state === "open";
	}

	// set adds keys to those that the next handshake has. They are what the client
	// says of itself.
	set(keys) {
		Object.assign(this._keys, keys);
		return this;
	}

	// connect resolves when there is a connection, whose handshake the server has
	// accepted. A second call while there is one is rejected.
	connect() {
		const byItself = this._byItself;
		this._byItself = false;
		if (this._state === "connecting" || (this._state === "open" && byItself)) {
			return this._attempt.promise;
		}
		if (this._state === "open") {
			return handled(Promise.reject(misuse("there is a connection already")));
		}
		return this._dial("open");
	}

	// reconnect makes a new connection under the same MegoID, in place of one that
	// there may be. It resolves when what was subscribed to is so again.
	reconnect() {
		this._byItself = false;
		return this._dial("reopen");
	}

	// close ends the connection, and what waits for an answer. It resolves when the
	// server has agreed, or after a second. reconnect works after it.
	close() {
		clearTimeout(this._tick);
		const socket = this._socket;
		this._end(1000, "", null, true);
		if (socket) {
			this._closing = new Promise(resolve => {
				const timer = setTimeout(resolve, closeWait);
				socket.onclose = socket.onerror = () => { // some say no more of one that was connecting
					clearTimeout(timer);
					resolve();
				};
			});
		}
		return this._closing;
	}

	// on has fn called for the events of a name: {event, data}. The names that the
	// client has itself are
	//
	//	open     the first connection is there
	//	reopen   one of reconnect is
	//	close    it is gone: {code, reason}
	//	message  any message has come, before its own handlers: data is a Uint8Array
	//	error    something failed that no promise tells of, or connecting did: an Error
	//
	// Events of the server that have one of these names are not told of otherwise
	// than by message.
	on(name, fn) {
		if (typeof fn !== "function") {
			throw new TypeError("mego: on: a function is needed for " + name);
		}
		this._handlers.set(name, (this._handlers.get(name) || []).concat(fn));
		return this;
	}

	// off ends what on has begun, for all functions or one.
	off(name, fn) {
		const left = fn ? (this._handlers.get(name) || []).filter(f => f !== fn) : [];
		this._handlers.set(name, left);
		return this;
	}

	// call begins a request; its end or notify sends it.
	call(method) {
		return new MegoRequest(this, method);
	}

	// subscribe resolves when the server has subscribed the client to a channel of
	// an event. Whatever else is given is for the server to decide by.
	subscribe(event, channel, ...extra) {
		const params = [event, channel === undefined ? "" : channel, ...extra];
		return this._ask(subscribeMethod, params).then(() => {
			this._subscriptions.set(channelKey(params), params);
		});
	}

	// unsubscribe ends a subscription.
	unsubscribe(event, channel) {
		const params = [event, channel === undefined ? "" : channel];
		const forget = () => this._subscriptions.delete(channelKey(params));
		forget();
		return this._ask(unsubscribeMethod, params).then(forget, error => { // an answer to subscribe may have come in between
			forget();
			throw error;
		});
	}

	// _ask calls a method of the server's own.
	async _ask(method, params) {
		const id = ++this._lastID;
		answerOf(await this._exchange(id, encodeRequest({m: method, p: params, i: id}), this.options.timeout));
	}

	// _dial makes a connection, in place of one that there may be; name is what is
	// told when it is open. It resolves or rejects once, whatever the platform
	// reports.
	_dial(name) {
		clearTimeout(this._tick);
		while (this._socket) { // a handler of close may dial, too
			this._end(1000, "", null, true);
		}
		const attempt = {name};
		attempt.promise = handled(new Promise((resolve, reject) => Object.assign(attempt, {resolve, reject})));
		this._attempt = attempt;
		this._state = "connecting";
		let socket;
		try {
			socket = new WebSocket(this.url);
		} catch (error) {
			this._end(1006, "", misuse("there is no connecting to " + this.url + ": " + error.message));
			return attempt.promise;
		}
		const current = f => event => {
			if (this._socket === socket) {
				f(event);
			}
		};
		this._socket = socket;
		socket.binaryType = "arraybuffer";
		socket.onopen = current(() => this._greet());
		socket.onmessage = current(({data}) => this._receive(data));
		socket.onclose = current(({code, reason}) => this._end(code, reason));
		// Some platforms say no more than this; others close next, and know why.
		socket.onerror = current(() => setTimeout(current(() => this._end(1006, "")), 0));
		const {timeout} = this.options;
		if (timeout > 0) {
			this._patience = setTimeout(() => this._end(1006, "", timedOut("there was no connection", timeout)), timeout);
		}
		return attempt.promise;
	}

	// _greet makes the handshake.
	_greet() {
		const id = ++this._lastID;
		let bytes;
		try {
			bytes = encodeRequest({m: "", p: Object.assign({}, this._keys, {MegoID: this.uuid}), i: id});
		} catch (error) {
			this._end(1000, "", error);
			return;
		}
		this._pending.set(id, {
			resolve: message => this._welcome(message),
			reject: nothing, // the attempt is
			timer: 0,
		});
		this._socket.send(bytes);
	}

	// _welcome begins the session, unless the server has refused it.
	_welcome(message) {
		try {
			answerOf(message);
		} catch (error) {
			this._end(1000, "", error);
			return;
		}
		clearTimeout(this._patience);
		this._state = "open";
		const attempt = this._attempt;
		const again = attempt.name === "open" ? [] : Array.from(this._subscriptions.values()).map(params =>
			this._ask(subscribeMethod, params).catch(error => error.kind === "closed" || this._fire("error", error)));
		this._queue.splice(0).forEach(({send}) => send());
		const done = () => {
			if (this._attempt === attempt && this._state === "open") {
				this._fire(attempt.name, {event: attempt.name, data: null});
				attempt.resolve();
			}
		};
		if (again.length === 0) {
			done();
		} else {
			Promise.all(again).then(done);
		}
	}

	// _end is the end of a connection, or of the attempt to make one. It is silent
	// about an attempt that was given up on purpose.
	_end(code, reason, why, onPurpose) {
		const before = this._state;
		const socket = this._socket;
		const error = why || closedError(code, reason);
		this._state = "closed";
		this._why = error;
		this._socket = null;
		clearTimeout(this._patience);
		if (socket) {
			socket.close(code === malformed ? malformed : 1000); // one that is closed stays so
		}
		const pending = Array.from(this._pending.values());
		this._pending.clear();
		const queue = this._queue.splice(0);
		if (this._attempt) {
			this._attempt.reject(error);
		}
		pending.forEach(({reject, timer}) => {
			clearTimeout(timer);
			reject(error);
		});
		queue.forEach(({fail}) => fail(error));
		if (before === "open") {
			this._fire("close", {code, reason});
		} else if (before === "connecting" && !onPurpose) {
			this._fire("error", error);
		}
	}

	// _receive takes a message of the server.
	_receive(data) {
		const socket = this._socket;
		const bytes = typeof data === "string" ? null : new Uint8Array(data);
		let message;
		try {
			message = messageOf(bytes);
		} catch (error) {
			this._fire("error", new MegoError(status.StatusError, "mego: a message of the server makes no sense: " + error.message, null, "closed"));
			if (this._socket === socket) {
				this._end(malformed, "malformed message", null, true);
			}
			return;
		}
		this._fire("message", {event: "message", data: bytes});
		if (this._socket !== socket) {
			return; // a handler has closed it
		}
		const {event, id} = message;
		if (id !== 0 && (event === "" || event === chunkNext || event === chunkAbort)) {
			const pending = this._pending.get(id);
			if (pending) { // or else it comes too late
				clearTimeout(pending.timer);
				this._pending.delete(id);
				pending.resolve(message);
			}
		} else if (event !== "" && !builtIn.has(event)) {
			this._fire(event, {event, data: message.result});
		}
	}

	// _fire calls the handlers of a name. What one throws does not concern others.
	_fire(name, argument) {
		for (const fn of this._handlers.get(name) || []) {
			try {
				fn(argument);
			} catch (error) {
				this._report(error, name);
			}
		}
	}

	// _report tells of what a function of the page has thrown, which was called for
	// the events of a name.
	_report(error, name) {
		const heard = (this._handlers.get("error") || []).length > 0;
		if (heard && name !== "error") {
			this._fire("error", error);
		} else {
			console.error(error);
		}
	}

	// _post sends bytes when there is a connection.
	_post(bytes, sent, fail) {
		const send = () => {
			this._socket.send(bytes);
			sent();
		};
		if (this._state === "open") {
			send();
		} else {
			this._queue.push({send, fail});
		}
	}

	// _refuse throws if there is no connection, and none is going to be.
	_refuse() {
		if (this._state === "closed") {
			throw this._why;
		}
	}

	// _exchange sends the bytes of a request and resolves to the message that
	// answers it, whatever that says.
	_exchange(id, bytes, timeout) {
		return new Promise((resolve, reject) => {
			this._refuse();
			const pending = {resolve, reject, timer: 0};
			if (timeout > 0) {
				pending.timer = setTimeout(() => {
					this._pending.delete(id);
					this._queue = this._queue.filter(entry => entry.fail !== reject);
					reject(timedOut("there was no answer", timeout));
				}, timeout);
			}
			this._pending.set(id, pending);
			this._post(bytes, nothing, reject);
		});
	}
}

// addressOf returns the URL of a WebSocket.
function addressOf(url) {
	const text = String(url);
	if (text[0] === "/") {
		const page = root.location;
		if (!page || !page.host) {
			throw new TypeError("mego: " + text + " needs a page that it is on the host of");
		}
		const scheme = page.protocol === "https:" ? "wss:" : "ws:";
		return text[1] === "/" ? scheme + text : scheme + "//" + page.host + text;
	}
	const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
	if (!scheme) {
		return "ws://" + text;
	}
	switch (scheme[1].toLowerCase()) {
	case "ws":
	case "wss":
		return text;
	case "http":
	case "https":
		return "ws" + text.slice(4);
	}
	throw new TypeError("mego: " + text + " is neither ws, wss, http nor https");
}

// optionsOf returns options in full, or throws for what is none.
function optionsOf(options) {
	const all = Object.assign({}, defaults);
	for (const name of Object.keys(options || {})) {
		const value = options[name];
		if (!Object.prototype.hasOwnProperty.call(defaults, name)) {
			throw new TypeError("mego: there is no option " + name);
		}
		if (value === undefined) {
			continue;
		}
		if (typeof value !== typeof defaults[name]) {
			throw new TypeError("mego: the option " + name + " is a " + typeof defaults[name]);
		}
		const least = name === "chunkSize" ? 1 : 0;
		if (typeof value === "number" && !(value >= least && value < 0x80000000 && Number.isInteger(value))) {
			throw new RangeError("mego: the option " + name + " is an integer from " + least);
		}
		all[name] = value;
	}
	return all;
}

// randomUUID returns a UUID of version 4.
function randomUUID() {
	const b = root.crypto.getRandomValues(new Uint8Array(16));
	b[6] = b[6] & 0x0f | 0x40;
	b[8] = b[8] & 0x3f | 0x80;
	const hex = Array.from(b, x => (x + 0x100).toString(16).slice(1)).join("");
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// channelKey returns what a subscription is kept under.
function channelKey([event, channel]) {
	return JSON.stringify([String(event), String(channel)]);
}

// encodeRequest returns the bytes of a request.
function encodeRequest(request) {
	try {
		return encode(request);
	} catch (error) {
		throw misuse(error.message.replace(/^mego: /, ""));
	}
}

function closedError(code, reason) {
	const why = (reason ? ": " + reason : "") + (code === 1000 || code === 1006 ? "" : " (" + code + ")");
	return new MegoError(status.StatusError, "mego: there is no connection" + why, {code, reason}, "closed");
}

// messageOf parses what the server has sent: {event, result, error, id}.
function messageOf(bytes) {
	if (!bytes) {
		throw new RangeError("it is text");
	}
	const m = decode(bytes);
	if (m === null || Object.getPrototypeOf(m) !== Object.prototype) {
		throw new RangeError("it is no map");
	}
	const {v = null, r = null, e = null, i = null} = m;
	const error = e === null ? {c: 0} : e;
	if ((v !== null && typeof v !== "string") || (i !== null && typeof i !== "number" && typeof i !== "bigint") || typeof error !== "object") {
		throw new RangeError("it is no response");
	}
	return {
		event: v || "",
		result: r,
		error: error.c ? {code: error.c, message: String(error.m || ""), data: error.d} : null,
		id: i || 0,
	};
}

// answerOf returns the response that a message is, or throws its error.
function answerOf({result, error, id}) {
	if (error) {
		throw new MegoError(error.code, error.message, error.data);
	}
	return new MegoResponse(result, id);
}

// -------------------------------------------------------------------- request

// A MegoRequest is a call before it is sent. Its methods return the request; what
// is wrong with it end tells.
class MegoRequest {
	constructor(client, method) {
		this._client = client;
		this._method = method;
		this._params = null;
		this._files = []; // {field, source}, to be sent whole
		this._chunked = []; // the same, in chunks; there may be one
		this._unnamed = 0; // how many fields were counted
		this._progress = [];
		this._problem = null;
		this._state = "new"; // then sent, and interrupted if it can be resumed
		this._upload = null;
		if (typeof method !== "string" || method === "") {
			this._problem = misuse("a method has a name");
		}
	}

	// send sets the parameters: an array, an object or whatever can be encoded. A
	// string is JSON.
	send(data) {
		this._params = data;
		if (typeof data === "string") {
			try {
				this._params = JSON.parse(data);
			} catch (error) {
				this._problem = this._problem || misuse("send: a string is JSON: " + error.message);
			}
		}
		return this;
	}

	// sendFile adds a file, to be sent in one message: a File, a Blob, an
	// ArrayBuffer, a typed array or a FileReader, which may still be loading.
	// Fields without a name are File1, File2 and so on.
	sendFile(file, field) {
		this._files.push({field: this._field(field), source: file});
		return this;
	}

	// sendFiles adds several files: all under the field, or each under one of its
	// own if there is no name.
	sendFiles(files, field) {
		if (files === null || files === undefined || (typeof files[Symbol.iterator] !== "function" && typeof files.length !== "number")) {
			this._problem = this._problem || misuse("sendFiles: a list of files is needed");
			return this;
		}
		Array.from(files).forEach(file => this.sendFile(file, field));
		return this;
	}

	// sendFileChunks sends a file in pieces, each when the server has the one
	// before, with its SHA-256. There can be no other file in the request. A File or
	// Blob is never in memory as a whole.
	sendFileChunks(file, field) {
		this._chunked.push({field: this._field(field), source: file});
		return this;
	}

	// progress has fn called with {loaded, total}, in bytes of all files: when they
	// begin to be sent, and each time the server has confirmed some.
	progress(fn) {
		if (typeof fn !== "function") {
			throw new TypeError("mego: progress: a function is needed");
		}
		this._progress.push(fn);
		return this;
	}

	// end sends the request and resolves to the response: {result, id}, which is the
	// result itself where a string, a number or JSON is wanted.
	async end() {
		this._begin();
		if (this._chunked.length > 0) {
			return this._sendChunks();
		}
		const {_client: client} = this;
		const id = ++client._lastID;
		const {timeout, uploadTimeout} = client.options;
		if (this._files.length === 0) {
			return answerOf(await client._exchange(id, this._encode(id, null), timeout));
		}
		const {fields, total} = await this._readFiles();
		const bytes = this._encode(id, fields);
		this._tell(0, total);
		const response = answerOf(await client._exchange(id, bytes, uploadTimeout));
		this._tell(total, total);
		return response;
	}

	// notify sends the request as one that gets no answer. It resolves when it is on
	// its way.
	notify() {
		return handled(this._notify());
	}

	async _notify() {
		this._begin();
		if (this._chunked.length > 0) {
			throw misuse("notify: a file in chunks needs answers");
		}
		const fields = this._files.length === 0 ? null : (await this._readFiles()).fields;
		const bytes = this._encode(0, fields);
		await new Promise((resolve, reject) => {
			this._client._refuse();
			this._client._post(bytes, resolve, reject);
		});
	}

	// resume goes on with a file in chunks where end, or resume, was rejected as the
	// connection was lost or an answer was late. Call it when the client is
	// connected again. The server knows how far it got if its ResumeTimeout says so,
	// and else wants the file from its beginning. If the last chunk was under way,
	// the server may have the file already, and then gets it a second time.
	async resume() {
		if (this._state !== "interrupted") {
			throw misuse("resume: there is no file in chunks that was interrupted");
		}
		this._state = "sent";
		return this._sendChunks();
	}

	_field(name) {
		return name === undefined || name === "" ? "File" + (++this._unnamed) : String(name);
	}

	_begin() {
		if (this._state !== "new") {
			throw misuse("the request was sent already");
		}
		this._state = "sent";
		if (this._problem) {
			throw this._problem;
		}
		if (this._chunked.length > 1 || (this._chunked.length > 0 && this._files.length > 0)) {
			throw misuse("a file in chunks is the only one of its request");
		}
	}

	_encode(id, fields) {
		const request = {m: this._method, p: this._params, i: id};
		if (fields) {
			request.f = fields;
		}
		return encodeRequest(request);
	}

	// _readFiles returns the fields with their files, as they are sent, and how many
	// bytes they have.
	async _readFiles() {
		const fields = new Map();
		let total = 0;
		for (const {field, source} of this._files) {
			const file = await openFile(source, this._client.options.uploadTimeout);
			const bytes = await file.read(0, file.size);
			const sum = new Sha256();
			sum.update(bytes);
			total += bytes.length;
			const raw = {b: bytes, i: ++this._client._lastFile, n: file.name, h: sum.digest()};
			fields.set(field, (fields.get(field) || []).concat(raw));
		}
		return {fields, total};
	}

	// _sendChunks sends chunks until the method has answered, and keeps what resume
	// needs.
	async _sendChunks() {
		const {_client: client} = this;
		const [{field, source}] = this._chunked;
		try {
			if (!this._upload) {
				const file = await openFile(source, client.options.uploadTimeout);
				this._upload = new Upload(file, ++client._lastFile, client.options.chunkSize);
			}
			const u = this._upload;
			this._tell(u.confirmed, u.file.size);
			const id = ++client._lastID;
			for (;;) {
				const raw = await u.chunk();
				const last = u.next === u.total;
				const request = {m: this._method, f: new Map([[field, [raw]]]), p: last ? this._params : null, i: id};
				const message = await client._exchange(id, encodeRequest(request), client.options.uploadTimeout);
				if (!u.answered(message)) {
					const response = answerOf(message);
					this._tell(u.file.size, u.file.size);
					return response;
				}
				this._tell(u.confirmed, u.file.size);
			}
		} catch (error) {
			if (this._upload && (error.kind === "closed" || error.kind === "timeout")) {
				this._state = "interrupted";
			}
			throw error;
		}
	}

	_tell(loaded, total) {
		for (const fn of this._progress) {
			try {
				fn({loaded, total});
			} catch (error) {
				this._client._report(error, "progress");
			}
		}
	}
}

// An Upload is how far a file in chunks has got.
class Upload {
	constructor(file, number, chunkSize) {
		if (file.size === 0) {
			throw new MegoError(status.StatusFileEmpty, "mego: the file is empty", null, "misuse");
		}
		this.file = file;
		this.number = number;
		this.chunkSize = chunkSize;
		this.total = Math.ceil(file.size / chunkSize);
		this.next = 1; // the chunk to be sent
		this.confirmed = 0; // bytes that the server has
		this.furthest = 0; // chunk that was ever confirmed
		this.retries = 0; // since that got further
		this.sum = new Sha256();
		this.summed = 0; // how many chunks are in the sum
		this.digest = null;
	}

	// chunk returns the next chunk as it is sent. The last one has the sum of all,
	// each of which is added once, however often it is sent.
	async chunk() {
		const raw = {b: await this.read(this.next), i: this.number, p: [this.total, this.next], n: this.file.name};
		if (this.next === this.total) {
			while (this.summed < this.total) {
				await this.read(this.summed + 1);
			}
			raw.h = this.digest = this.digest || this.sum.digest();
		}
		return raw;
	}

	async read(n) {
		const bytes = await this.file.read((n - 1) * this.chunkSize, Math.min(n * this.chunkSize, this.file.size));
		if (n === this.summed + 1) {
			this.sum.update(bytes);
			this.summed = n;
		}
		return bytes;
	}

	// answered takes the answer to a chunk, and reports whether another one is to be
	// sent: if not, the message is the answer to the request.
	answered({event, error}) {
		if (event === chunkAbort) {
			throw new MegoError(status.StatusError, "mego: the server has aborted the upload", null, "aborted");
		}
		if (event === chunkNext) {
			if (this.next === this.total) {
				throw new MegoError(status.StatusError, "mego: the server wants more chunks than there are", null, "aborted");
			}
			if (this.next > this.furthest) {
				this.furthest = this.next;
				this.retries = 0;
			}
			this.goOn(this.next + 1);
			return true;
		}
		if (!error || error.code !== status.StatusFileRetry || this.retries === maxRetries) {
			return false;
		}
		const [total, next] = Array.isArray(error.data) ? error.data : [];
		if (total !== this.total || !Number.isInteger(next) || next < 1 || next > total) {
			return false;
		}
		this.retries++;
		this.goOn(next);
		return true;
	}

	goOn(next) {
		this.next = next;
		this.confirmed = (next - 1) * this.chunkSize;
	}
}

// openFile returns what can be sent as {name, size, read}; read returns the bytes
// from and to a place.
async function openFile(source, timeout) {
	let file = source;
	if (isReader(file)) {
		file = await loaded(file, timeout);
	}
	if (isBlob(file)) {
		return {
			name: typeof file.name === "string" ? file.name : "",
			size: file.size,
			async read(from, to) {
				let bytes;
				try {
					bytes = new Uint8Array(await bufferOf(file.slice(from, to)));
				} catch (error) {
					throw misuse("the file cannot be read: " + error.message);
				}
				if (bytes.length !== to - from) {
					throw misuse("the file has changed");
				}
				return bytes;
			},
		};
	}
	const bytes = bytesOf(file);
	if (!bytes) {
		throw misuse("a file is a File, Blob, ArrayBuffer, typed array or FileReader");
	}
	return {name: "", size: bytes.length, read: async (from, to) => bytes.subarray(from, to)};
}

function isReader(v) {
	return typeof v === "object" && v !== null && typeof v.addEventListener === "function" && "result" in v && "readyState" in v;
}

// loaded resolves to what a FileReader has read, once it has. Text is UTF-8.
function loaded(reader, timeout) {
	return new Promise((resolve, reject) => {
		let timer = 0;
		const done = () => {
			clearTimeout(timer);
			if (reader.result === null || reader.result === undefined) {
				reject(misuse("the file cannot be read: " + (reader.error ? reader.error.message : "it was aborted")));
			} else {
				resolve(typeof reader.result === "string" ? utf8Encoder.encode(reader.result) : reader.result);
			}
		};
		if (reader.readyState === 2) {
			done();
			return;
		}
		reader.addEventListener("loadend", done);
		if (timeout > 0) {
			timer = setTimeout(() => reject(timedOut("the file was not read", timeout)), timeout);
		}
	});
}

// bufferOf returns the bytes of a Blob, also where that has no arrayBuffer.
function bufferOf(blob) {
	if (typeof blob.arrayBuffer === "function") {
		return blob.arrayBuffer();
	}
	const reader = new root.FileReader();
	reader.readAsArrayBuffer(blob);
	return loaded(reader, 0);
}

Object.assign(MegoClient, status, {MegoClient, MegoError, codec: {encode, decode, Ext}});
root.MegoClient = MegoClient;
root.MegoError = MegoError;
if (typeof module === "object" && module && module.exports) {
	module.exports = MegoClient;
}
})();
