package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gongular/gongular/examples/devtools"
	"github.com/gongular/gongular/mego"
)

// The browser client by itself, on a page with a policy that allows scripts and
// connections of its own host and nothing else.

// serveClient serves an engine, and a page that has the client, and returns the
// page's address.
func serveClient(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "megochat-client-")
	if err != nil {
		t.Fatal(err)
	}
	e := mego.New().Use(mego.RecoveryWithWriter(nil))
	e.Option = &mego.EngineOption{TempDir: dir, ResumeTimeout: time.Minute}
	e.Register("Echo", func(c *mego.Context) {
		var v any
		c.MustBind(&v)
		c.Respond(v)
	})
	e.Register("Key", func(c *mego.Context) { c.Respond(c.Session.GetString(c.Param().GetString())) })
	e.Register("Fail", func(c *mego.Context) { c.RespondWithError(42, mego.H{"left": 0}, fmt.Errorf("no tea")) })
	e.Register("Silent", func(c *mego.Context) { c.Copy() })
	e.Register("Kick", func(c *mego.Context) { c.Session.Disconnect() })
	e.Register("Emit", func(c *mego.Context) {
		e.Emit(c.Param(0).GetString(), c.Param(1).GetString(), c.Param(2).Get())
	})
	e.Register("File", func(c *mego.Context) {
		f := c.MustGetFile()
		data, err := os.ReadFile(f.Path)
		if err != nil {
			panic(err)
		}
		sum := 0
		for _, b := range data {
			sum += int(b)
		}
		c.Respond([]any{f.FullName(), f.Size, sum, c.Param().GetString()})
	})
	const html = `<!doctype html><title>MegoClient</title><script src="/mego.js"></script>`
	mux := http.NewServeMux()
	mux.Handle("/mego", e)
	mux.Handle("/mego.js", mego.ScriptHandler())
	mux.HandleFunc("/worker.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `importScripts("/mego.js");
			new MegoClient("/mego").call("Echo").send(["from a worker"]).end()
				.then(({result}) => postMessage(result[0]), error => postMessage(String(error)));`)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, html)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

// Each rule's scenario is the body of an async function, in which next(client,
// name) resolves to the next event, and failure(promise) to what it is rejected
// with. What it returns is compared as JSON.
const helpers = `
	const next = (c, name) => new Promise(done => { const fn = e => { c.off(name, fn); done(e); }; c.on(name, fn); });
	const failure = promise => promise.then(() => { throw new Error("it has succeeded"); }, e => e);
	const data = n => new Uint8Array(n).map((_, i) => i * 31);
	const sum = n => data(n).reduce((a, b) => a + b, 0);
`

func TestClient(t *testing.T) {
	c := devtools.Start(t)
	url := serveClient(t)
	for _, test := range []struct{ name, script, want string }{
		{"16.1 globals", `return [typeof MegoClient, typeof MegoError, typeof module]`, `["function","function","undefined"]`},
		{"16.1 in a worker", `
			return await new Promise((done, failed) => {
				const w = new Worker("/worker.js");
				w.onmessage = e => done(e.data);
				w.onerror = e => failed(new Error(e.message));
			})`, `"from a worker"`},
		{"16.2 at once", `
			const c = new MegoClient("/mego");
			const {result, id} = await c.call("Echo").send([1, "a", null]).end();
			return [result, typeof id, c.url === "ws://" + location.host + "/mego"]`, `[[1,"a",null],"number",true]`},
		{"16.3 set, close and reconnect", `
			const c = new MegoClient(location.origin + "/mego", {autoConnect: false}).set({Name: "ada"});
			await c.connect();
			const name = String(await c.call("Key").send(["Name"]).end());
			const closed = next(c, "close");
			const silent = failure(c.call("Silent").end());
			await c.close();
			const kind = (await silent).kind;
			const again = next(c, "reopen");
			await c.reconnect();
			await again;
			return [name, await closed, kind, String(await c.call("Key").send(["MegoID"]).end()) === c.uuid]`,
			`["ada",{"code":1000,"reason":""},"closed",true]`},
		{"16.3 close while connecting", `
			const c = new MegoClient("/mego", {autoConnect: false});
			const connecting = failure(c.connect());
			await c.close();
			return [(await connecting).kind, c.connected]`, `["closed",false]`},
		{"16.3 no such address", `
			const c = new MegoClient("/nothing", {autoConnect: false});
			const e = await failure(c.connect());
			return [e.kind, e.data.code, e instanceof MegoError]`, `["closed",1006,true]`},
		{"16.3 the server ends it", `
			const c = new MegoClient("/mego");
			const closed = next(c, "close");
			c.call("Kick").notify();
			return await closed`, `{"code":1000,"reason":"mego: disconnected by the server"}`},
		{"16.5 errors", `
			const c = new MegoClient("/mego", {timeout: 4000});
			const e = await failure(c.call("Fail").end());
			const unknown = await failure(c.call("Unknown").end());
			return [e.code, e.message, e.data, unknown.code === MegoClient.StatusUnimplemented]`, `[42,"no tea",{"left":0},true]`},
		{"16.5 timeout", `
			const c = new MegoClient("/mego", {timeout: 0});
			await c.connect();
			c.options.timeout = 20;
			return (await failure(c.call("Silent").end())).code`, `-1014`},
		{"16.6 events, also after a reconnect", `
			const c = new MegoClient("/mego");
			await c.subscribe("news", "sport");
			const heard = [];
			c.on("news", ({event, data}) => heard.push(event, data));
			await c.call("Emit").send(["news", "sport", {goals: 1}]).end();
			await c.reconnect();
			await c.call("Emit").send(["news", "sport", {goals: 2}]).end();
			await c.unsubscribe("news", "sport");
			await c.call("Emit").send(["news", "sport", {goals: 3}]).end();
			return heard`, `["news",{"goals":1},"news",{"goals":2}]`},
		{"16.7 all that is a file", `
			const c = new MegoClient("/mego", {chunkSize: 4000});
			const bytes = data(10000), want = JSON.stringify(["", 10000, sum(10000), "p"]);
			const reader = () => { const r = new FileReader(); r.readAsArrayBuffer(new Blob([bytes])); return r; };
			const wrong = [];
			for (const how of ["sendFile", "sendFileChunks"]) {
				for (const file of [new Blob([bytes]), bytes, bytes.buffer, new DataView(bytes.buffer), reader()]) {
					const {result} = await c.call("File").send(["p"])[how](file).end();
					if (JSON.stringify(result) !== want) wrong.push([how, String(file), result]);
				}
			}
			const {result} = await c.call("File").sendFileChunks(new File([bytes], "a.b.c")).end();
			return [wrong, result[0]]`, `[[],"a.b.c"]`},
		{"16.7 progress", `
			const c = new MegoClient("/mego", {chunkSize: 1 << 20});
			const heard = [];
			const {result} = await c.call("File").sendFileChunks(new Blob([data(3 << 20)])).progress(p => heard.push(p.loaded / p.total)).end();
			return [heard.map(v => v.toFixed(2)), result[1], result[2] === sum(3 << 20)]`, `[["0.00","0.33","0.67","1.00"],3145728,true]`},
		{"16.7 goes on after a reconnect", `
			const c = new MegoClient("/mego", {chunkSize: 10000});
			const heard = [];
			let lost;
			const request = c.call("File").sendFileChunks(new Blob([data(100000)])).progress(({loaded}) => {
				heard.push(loaded / 10000);
				if (loaded === 50000 && !lost) lost = c.close();
			});
			const {kind} = await failure(request.end());
			await lost;
			await c.reconnect();
			const {result} = await request.resume();
			return [kind, heard, result[1], result[2] === sum(100000)]`, `["closed",[0,1,2,3,4,5,5,6,7,8,9,10],100000,true]`},
		{"16.8 values", `
			const c = new MegoClient("/mego");
			const value = [1.5, -1, 2 ** 53, 2n ** 64n - 1n, "é😀", new Date(1e12), new Uint8Array([1, 2]), {["__proto__"]: 1}, [], new Map([[1, 2]])];
			const {result} = await c.call("Echo").send(value).end();
			const own = Object.getOwnPropertyNames(result[7]);
			return [String(result[3]), result[5].getTime(), [...result[6]], own, [...result[9]], result.slice(0, 3), result[4]]`,
			`["18446744073709551615",1000000000000,[1,2],["__proto__"],[[1,2]],[1.5,-1,9007199254740992],"é😀"]`},
		{"16.9 codes", `return [MegoClient.StatusError, MegoClient.StatusTimeout]`, `[-1000,-1014]`},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			p := c.Open(t, test.name, url)
			var got json.RawMessage
			if err := p.Run(fmt.Sprintf("(async () => JSON.stringify(await (async () => {%s%s})()))()", helpers, test.script), &got); err != nil {
				t.Fatal(err)
			}
			var text string
			if err := json.Unmarshal(got, &text); err != nil || text != test.want {
				t.Errorf("%s, %v\nwant %s", text, err, test.want)
			}
		})
	}
	for _, thrown := range c.Thrown() {
		t.Errorf("a script failed: %s", thrown)
	}
}
