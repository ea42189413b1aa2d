// Answers each line of standard input, a message in hexadecimal, with a line of
// JSON: what @msgpack/msgpack decodes, described, and encodes from it again, or
// the error.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const msgpack = require("@msgpack/msgpack");

class Time {
	constructor(spec) { this.spec = spec; }
}

const extensionCodec = new msgpack.ExtensionCodec();
extensionCodec.register({
	type: msgpack.EXT_TIMESTAMP,
	encode: (x) => (x instanceof Time ? msgpack.encodeTimeSpecToTimestamp(x.spec) : null),
	decode: (data) => new Time(msgpack.decodeTimestampToTimeSpec(data)),
});
const options = { extensionCodec, useBigInt64: true };

const hex = (bytes) => Buffer.from(bytes).toString("hex");

function number(x) {
	if (Number.isInteger(x)) return "n:" + BigInt(x);
	if (Number.isNaN(x) || !Number.isFinite(x)) return "f:" + x;
	const bytes = Buffer.alloc(8);
	bytes.writeDoubleBE(x);
	return "f:" + hex(bytes);
}

function describe(x) {
	if (x === null) return "null";
	switch (typeof x) {
	case "boolean": return String(x);
	case "bigint": return "n:" + x;
	case "number": return number(x);
	case "string": return "s:" + hex(x);
	}
	if (x instanceof Uint8Array) return "b:" + hex(x);
	if (x instanceof msgpack.ExtData) return "x:" + x.type + ":" + hex(x.data);
	if (x instanceof Time) return "t:" + x.spec.sec + "." + x.spec.nsec;
	if (Array.isArray(x)) return "[" + x.map(describe).join(",") + "]";
	return "{" + Object.entries(x).map(([k, v]) => describe(k) + "=" + describe(v)).sort().join(",") + "}";
}

for await (const line of createInterface({ input: process.stdin })) {
	let answer;
	try {
		const value = msgpack.decode(Buffer.from(line, "hex"), options);
		answer = { value: describe(value), code: hex(msgpack.encode(value, options)) };
	} catch (e) {
		answer = { error: String(e) };
	}
	process.stdout.write(JSON.stringify(answer) + "\n");
}
