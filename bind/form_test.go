package bind_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gongular/gongular/bind"
)

const pngHead = "\x89PNG\x0D\x0A\x1A\x0A"

func formError(reason string) *bind.Error { return &bind.Error{Place: bind.PlaceForm, Reason: reason} }

func TestFormContentType(t *testing.T) {
	refused := func(ct string) *bind.Error {
		e := formError(fmt.Sprintf("Content-Type %q is not accepted, only application/x-www-form-urlencoded, multipart/form-data", ct))
		e.Status = 415
		return e
	}
	none := formError("a body needs a Content-Type, one of application/x-www-form-urlencoded, multipart/form-data")
	none.Status = 415
	noBoundary := formError("the Content-Type multipart/form-data has no boundary")
	for _, test := range []struct {
		ct, body string
		want     string
		wantErr  *bind.Error
	}{
		{"application/x-www-form-urlencoded", "A=1", "1", nil},
		{"APPLICATION/X-WWW-FORM-URLENCODED", "A=1", "1", nil},
		{"application/x-www-form-urlencoded; charset=UTF-8", "A=1", "1", nil},
		{"application/x-www-form-urlencoded; garbage", "A=1", "1", nil},
		{"multipart/form-data; boundary=" + boundary, multipartText(part{"A", "", "1"}), "1", nil},
		{`Multipart/Form-Data; Boundary="` + boundary + `"`, multipartText(part{"A", "", "1"}), "1", nil},
		{"multipart/form-data; boundary=" + boundary, strings.TrimSpace(multipartText(part{"A", "", "1"})) + " \t\r\nepilogue", "1", nil},
		{"multipart/form-data; boundary=" + boundary, "preamble\r\n" + multipartText(part{"A", "", "1"}), "1", nil},
		{"multipart/form-data; boundary=" + boundary, strings.ReplaceAll(multipartText(part{"A", "", "1"}), "\r\n", "\n"), "1", nil},

		{"", "A=1", "", none},
		{"text/plain", "A=1", "", refused("text/plain")},
		{"application/json", `{"A":"1"}`, "", refused("application/json")},
		{"application/x-www-form", "A=1", "", refused("application/x-www-form")},
		{"multipart/mixed; boundary=x", "A=1", "", refused("multipart/mixed; boundary=x")},
		{"garbage;;", "A=1", "", refused("garbage;;")},
		{"multipart/form-data", "A=1", "", noBoundary},
		{"multipart/form-data; boundary=", "A=1", "", noBoundary},
		{"multipart/form-data; boundary=a b c", "A=1", "", noBoundary},
		{"multipart/form-data; boundary=other", multipartText(part{"A", "", "1"}), "", formError("malformed multipart body after 85 bytes")},

		{"", "", "", nil},
		{"text/plain", "", "", nil},
		{"application/x-www-form-urlencoded", "", "", nil},
	} {
		for _, length := range []string{"known", "unknown"} {
			t.Run(test.ct+"/"+length, func(t *testing.T) {
				r := httptest.NewRequest("DELETE", "/?A=query", strings.NewReader(test.body))
				r.Header.Set("Content-Type", test.ct)
				if length == "unknown" {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), -1
				}
				got, err := bindNew[struct{ A string }](t, bind.Form, closeAfter(t, requestOf(r)))
				checkError(t, err, test.wantErr)
				if got.A != test.want {
					t.Errorf("got %q, want %q", got.A, test.want)
				}
			})
		}
	}
}

// A body that cannot be read is not an empty form.
func TestFormUnreadableBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/", failing("", os.ErrDeadlineExceeded))
	_, err := bindNew[struct{ A string }](t, bind.Form, closeAfter(t, requestOf(r)))
	if err == nil {
		t.Error("got no error")
	}
}

type upload struct {
	Doc   *bind.File   `form:"doc"`
	Icon  *bind.File   `form:"icon,optional" file:"max=1KB,types=image/png|text/*"`
	All   []*bind.File `form:"all" file:"max=8B"`
	Must  []*bind.File `form:"must" valid:"required,length(1|2)"`
	Title string       `form:"title"`
	Max   *bind.File   `form:"max" valid:"optional"`
}

// content reads all files of an upload, "-" for none.
func (u upload) content(t testing.TB) string {
	var all []string
	read := func(f *bind.File) {
		if f == nil {
			all = append(all, "-")
			return
		}
		data, err := io.ReadAll(f.File)
		if err != nil {
			t.Error(err)
		}
		all = append(all, f.Header.Filename+"="+string(data))
	}
	read(u.Doc)
	read(u.Icon)
	for _, f := range u.All {
		read(f)
	}
	all = append(all, "|")
	for _, f := range u.Must {
		read(f)
	}
	return strings.Join(all, " ") + " " + u.Title
}

func TestUpload(t *testing.T) {
	doc, must := part{"doc", "a.txt", "hello"}, part{"must", "m", "M"}
	bad := func(field, key, reason string, status int) *bind.Error {
		return &bind.Error{Place: bind.PlaceForm, FieldName: field, Key: key, Reason: reason, Status: status}
	}
	const isText = "is text, where a file is wanted"
	for _, test := range []struct {
		name    string
		parts   []part
		want    string
		wantErr *bind.Error
	}{
		{"least", []part{doc, must}, "a.txt=hello - | m=M ", nil},
		{"all", []part{doc, must, {"title", "", "T"}, {"icon", "i.png", pngHead}, {"all", "1", "one"}, {"all", "2", "two"}, {"must", "n", ""}},
			"a.txt=hello i.png=" + pngHead + " 1=one 2=two | m=M n= T", nil},
		{"the first of two", []part{doc, {"doc", "b.txt", "x"}, must}, "a.txt=hello - | m=M ", nil},
		{"only the base of a name", []part{{"doc", "../../etc/passwd", "x"}, must}, "passwd=x - | m=M ", nil},
		{"no file chosen in a browser", []part{doc, must, {"icon", "", ""}, {"all", "", ""}}, "a.txt=hello - | m=M ", nil},
		{"a file for a text", []part{doc, must, {"title", "t", "T"}}, "a.txt=hello - | m=M ", nil},

		{"missing", []part{must}, "", bad("Doc", "doc", "no file was sent", 0)},
		{"missing, none chosen", []part{must, {"doc", "", ""}}, "", bad("Doc", "doc", "no file was sent", 0)},
		{"missing list", []part{doc}, "", bad("Must", "must", "no file was sent", 0)},
		{"a text for a file", []part{{"doc", "", "x"}, must}, "", bad("Doc", "doc", isText, 0)},
		{"a text for an optional file", []part{doc, must, {"icon", "", "x"}}, "", bad("Icon", "icon", isText, 0)},
		{"a text for files", []part{doc, must, {"all", "", "x"}}, "", bad("All", "all", isText, 0)},

		{"just small enough", []part{doc, must, {"all", "1", "12345678"}}, "a.txt=hello - 1=12345678 | m=M ", nil},
		{"too large", []part{doc, must, {"all", "1", ""}, {"all", "2", "123456789"}}, "", bad("All", "all", "larger than the limit of 8 bytes for this file", 413)},
		{"too large", []part{doc, must, {"icon", "1", strings.Repeat("x", 1025)}}, "", bad("Icon", "icon", "larger than the limit of 1024 bytes for this file", 413)},
		{"accepted by kind", []part{doc, must, {"icon", "i", "<html>"}}, "a.txt=hello i=<html> | m=M ", nil},
		{"another type", []part{doc, must, {"icon", "i.png", "%PDF-1.4"}}, "", bad("Icon", "icon", "is application/pdf; accepted is image/png, text/*", 415)},
		{"an unknown type", []part{doc, must, {"icon", "i.png", "\x00\x01"}}, "", bad("Icon", "icon", "is application/octet-stream; accepted is image/png, text/*", 415)},
	} {
		for _, memory := range []int64{0, 4, 1 << 20} {
			t.Run(fmt.Sprint(test.name, "/", memory), func(t *testing.T) {
				dir := tempDir(t)
				req := limited(multipartForm(test.parts...), func(l *bind.Limits) { l.FormMemory = memory })
				got, err := bindNew[upload](t, bind.Form, req)
				checkError(t, err, test.wantErr)
				if err == nil {
					if content := got.content(t); content != test.want {
						t.Errorf("got %q, want %q", content, test.want)
					}
				}
				if memory == 0 && len(listDir(t, dir)) != 1 {
					t.Errorf("no file on disk: %v", listDir(t, dir))
				}
				if memory == 1<<20 {
					checkEmpty(t, dir)
				}
				for range 2 {
					checkError(t, req.Close(), nil)
				}
				checkEmpty(t, dir)
			})
		}
	}
}

// An urlencoded form has no files, only their names.
func TestUploadNotMultipart(t *testing.T) {
	for _, test := range []struct{ in, field, reason string }{
		{"", "Doc", "no file was sent"},
		{"doc=", "Doc", "no file was sent"},
		{"doc=a.txt", "Doc", "is text, where a file is wanted"},
		{"all=a.txt", "All", "is text, where a file is wanted"},
	} {
		_, err := bindNew[upload](t, bind.Form, form(test.in))
		checkError(t, err, &bind.Error{Place: bind.PlaceForm, FieldName: test.field, Key: strings.ToLower(test.field), Reason: test.reason})
	}
	type optional struct {
		F *bind.File `form:"f,optional"`
		L []*bind.File
	}
	for _, req := range []*request{form(""), form("f=&L="), requestOf(httptest.NewRequest("POST", "/", nil))} {
		got, err := bindNew[optional](t, bind.Form, req)
		if err != nil || got.F != nil || got.L != nil {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestUploadStrict(t *testing.T) {
	type values struct {
		F *bind.File `form:"file"`
	}
	_, err := bindNew[values](t, bind.Form, closeAfter(t, strict(multipartForm(part{"file", "a", "x"}, part{"flie", "b", "y"}))))
	checkError(t, err, &bind.Error{Place: bind.PlaceForm, Key: "flie", Reason: `unknown key "flie"; did you mean "file"?`})
}

func TestSpill(t *testing.T) {
	type values struct{ L []*bind.File }
	dir := tempDir(t)
	for _, test := range []struct {
		sizes []int
		spill bool
	}{
		{[]int{100}, false},
		{[]int{101}, true},
		{[]int{50, 50}, false},
		{[]int{60, 60, 60}, true},
	} {
		var parts []part
		for i, size := range test.sizes {
			parts = append(parts, part{"L", fmt.Sprint(i), strings.Repeat(fmt.Sprint(i), size)})
		}
		req := limited(multipartForm(parts...), func(l *bind.Limits) { l.FormMemory = 100 })
		got, err := bindNew[values](t, bind.Form, req)
		checkError(t, err, nil)
		if spilled := len(listDir(t, dir)) > 0; spilled != test.spill {
			t.Errorf("%v: on disk %v, want %v", test.sizes, spilled, test.spill)
		}
		for i, f := range got.L {
			data, err := io.ReadAll(f.File)
			if err != nil || string(data) != parts[i].content {
				t.Errorf("%v: file %d is %q, %v", test.sizes, i, data, err)
			}
			if i == 0 { // the handler may close what it has read
				if err := f.File.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		for range 2 {
			checkError(t, req.Close(), nil)
		}
		checkEmpty(t, dir)
		if _, err := got.L[len(got.L)-1].File.Read(make([]byte, 1)); test.spill && err == nil {
			t.Errorf("%v: a file on disk is still open", test.sizes)
		}
	}
}

// A disk that is not there is no fault of the client's.
func TestSpillFails(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	req := limited(multipartForm(part{"F", "a", "hello"}), func(l *bind.Limits) { l.FormMemory = 0 })
	_, err := bindNew[struct{ F *bind.File }](t, bind.Form, closeAfter(t, req))
	if _, ok := err.(bind.Error); ok || err == nil || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("got %T %v, want the error of the file system", err, err)
	}
}

func unwrapAll(err error) error {
	for {
		next, ok := err.(interface{ Unwrap() error })
		if !ok || next.Unwrap() == nil {
			return err
		}
		if _, path := err.(*os.PathError); path {
			return err
		}
		err = next.Unwrap()
	}
}

func TestMultipartLimits(t *testing.T) {
	type values struct{ L []*bind.File }
	files := func(n int) (parts []part) {
		for i := range n {
			parts = append(parts, part{"L", fmt.Sprint(i), "x"})
		}
		return parts
	}
	text := func(n int) (parts []part) {
		for range n {
			parts = append(parts, part{"t", "", "x"})
		}
		return parts
	}
	tooLarge := func(n int64) *bind.Error {
		return &bind.Error{Place: bind.PlaceForm, Status: 413, Reason: fmt.Sprintf("larger than the limit of %d bytes", n)}
	}
	const parts = "too many parts, or a part with too large a header"
	body := func(text string) *request { return post("multipart/form-data; boundary="+boundary, text) }
	header := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"L\"; filename=\"a\"\r\n"
	exact := multipartText(files(2)...)
	chunked := func(req *request) *request {
		req.R.Body, req.R.ContentLength = io.NopCloser(req.R.Body), -1
		return req
	}
	size := func(n int64) func(*bind.Limits) { return func(l *bind.Limits) { l.Form = n } }
	for _, test := range []struct {
		name    string
		req     *request
		files   int
		wantErr *bind.Error
	}{
		{"100 files", multipartForm(files(100)...), 100, nil},
		{"101 files", multipartForm(files(101)...), 0, formError("more than 100 files")},
		{"500 files", limited(multipartForm(files(500)...), func(l *bind.Limits) { l.Files = 0 }), 500, nil},
		{"3 keys", limited(multipartForm(text(3)...), func(l *bind.Limits) { l.Keys = 3 }), 0, nil},
		{"4 keys", limited(multipartForm(text(4)...), func(l *bind.Limits) { l.Keys = 3 }), 0, formError("more than 3 keys")},
		{"1,000 parts", multipartForm(text(1000)...), 0, nil},
		{"10,000 parts", multipartForm(text(10_000)...), 0, formError(parts)},
		{"10,000 files", multipartForm(files(10_000)...), 0, formError(parts)},
		{"huge header", body(header + "X: " + strings.Repeat("x", 12<<20) + "\r\n\r\nx\r\n--" + boundary + "--\r\n"), 0, tooLarge(11 << 20)},
		{"many headers", body(header + strings.Repeat("X: y\r\n", 20_000) + "\r\nx\r\n--" + boundary + "--\r\n"), 0, formError(parts)},
		{"huge text", multipartForm(part{"t", "", strings.Repeat("x", 12<<20)}), 0, tooLarge(11 << 20)},
		{"exactly", limited(multipartForm(files(2)...), size(int64(len(exact)))), 2, nil},
		{"exactly, unknown", limited(chunked(multipartForm(files(2)...)), size(int64(len(exact)))), 2, nil},
		{"one over", limited(multipartForm(files(2)...), size(int64(len(exact)-1))), 0, tooLarge(int64(len(exact) - 1))},
		{"one over, unknown", limited(chunked(multipartForm(files(2)...)), size(int64(len(exact)-1))), 0, tooLarge(int64(len(exact) - 1))},
		{"urlencoded, exactly", limited(form("L=&t=1"), size(6)), 0, nil},
		{"urlencoded, one over", limited(form("L=&t=1"), size(5)), 0, tooLarge(5)},
		{"urlencoded, unknown", limited(chunked(form("L=&t=1")), size(5)), 0, tooLarge(5)},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tempDir(t)
			got, err := bindNew[values](t, bind.Form, test.req)
			checkError(t, err, test.wantErr)
			if len(got.L) != test.files {
				t.Errorf("got %d files, want %d", len(got.L), test.files)
			}
			checkError(t, test.req.Close(), nil)
			checkEmpty(t, dir)
		})
	}
}

// Cut anywhere, a multipart body is refused, unless only what follows its last
// boundary is missing; and nothing of it stays on disk.
func TestMultipartTruncated(t *testing.T) {
	type values struct {
		A string
		F *bind.File
		L []*bind.File
	}
	dir := tempDir(t)
	whole := multipartText(part{"A", "", "text"}, part{"F", "f.txt", "content"}, part{"L", "1", "one"}, part{"L", "2", "two"})
	complete := strings.LastIndex(whole, "--") + 2
	for n := range len(whole) + 1 {
		for _, memory := range []int64{0, 1 << 20} {
			for _, length := range []int64{int64(n), -1} {
				req := limited(post("multipart/form-data; boundary="+boundary, whole[:n]), func(l *bind.Limits) { l.FormMemory = memory })
				req.R.Body, req.R.ContentLength = io.NopCloser(strings.NewReader(whole[:n])), length
				got, err := bindNew[values](t, bind.Form, req)
				if n == len(whole)-1 && err != nil {
					// Half of a line break is no line break.
				} else if n >= complete {
					if err != nil || got.A != "text" || len(got.L) != 2 {
						t.Errorf("%d of %d bytes: got %+v, %v", n, len(whole), got, err)
					}
				} else {
					checkError(t, err, formError(fmt.Sprintf("malformed multipart body after %d bytes", n)))
				}
				// The wire's own word for a cut body says more.
				cut := limited(post("multipart/form-data; boundary="+boundary, ""), func(l *bind.Limits) { l.FormMemory = memory })
				cut.R.Body, cut.R.ContentLength = io.NopCloser(failing(whole[:n], io.ErrUnexpectedEOF)), int64(len(whole))+1
				if _, err := bindNew[values](t, bind.Form, cut); n < complete {
					checkError(t, err, formError(fmt.Sprintf("ends after %d bytes, before its Content-Length", n)))
				}
				checkError(t, cut.Close(), nil)
				checkError(t, req.Close(), nil)
				checkEmpty(t, dir)
			}
		}
	}
}

// Two plans read one form, and each has its own files.
func TestFormIsReadOnce(t *testing.T) {
	type guard struct{ A string }
	type values struct {
		A string
		F *bind.File
	}
	dir := tempDir(t)
	req := limited(multipartForm(part{"A", "", "a"}, part{"F", "f", "content"}), func(l *bind.Limits) { l.FormMemory = 0 })
	first, err := bindNew[guard](t, bind.Form, req)
	checkError(t, err, nil)
	var all []values
	for range 2 {
		v, err := bindNew[values](t, bind.Form, req)
		checkError(t, err, nil)
		data, err := io.ReadAll(v.F.File)
		if err != nil || string(data) != "content" {
			t.Errorf("got %q, %v", data, err)
		}
		all = append(all, v)
	}
	if first.A != "a" || all[1].A != "a" {
		t.Errorf("got %+v, %+v", first, all)
	}
	checkError(t, req.Close(), nil)
	checkEmpty(t, dir)

	req = form("A=%")
	for range 2 {
		_, err := bindNew[guard](t, bind.Form, req)
		checkError(t, err, &bind.Error{Place: bind.PlaceForm, FieldName: "A", Key: "A", Reason: `malformed percent-encoding in "%"`})
	}
}

func TestFile(t *testing.T) {
	type values struct{ F *bind.File }
	for _, test := range []struct {
		content, contentType, extension string
	}{
		{pngHead, "image/png", ".png"},
		{"\xff\xd8\xff", "image/jpeg", ".jpg"},
		{"GIF89a", "image/gif", ".gif"},
		{"%PDF-1.7", "application/pdf", ".pdf"},
		{"PK\x03\x04", "application/zip", ".zip"},
		{"hello", "text/plain; charset=utf-8", ".txt"},
		{"", "text/plain; charset=utf-8", ".txt"},
		{"<!DOCTYPE html>", "text/html; charset=utf-8", ".html"},
		{"\x00", "application/octet-stream", ""},
		{strings.Repeat("x", 600) + "\x00", "text/plain; charset=utf-8", ".txt"},
	} {
		for _, memory := range []int64{0, 1 << 20} {
			dir := tempDir(t)
			req := limited(multipartForm(part{"F", "../evil.exe", test.content}), func(l *bind.Limits) { l.FormMemory = memory })
			got, err := bindNew[values](t, bind.Form, req)
			checkError(t, err, nil)
			if _, err := got.F.File.Seek(0, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			ct, err := got.F.ContentType()
			if ct != test.contentType || err != nil {
				t.Errorf("%.10q: got type %s, %v; want %s", test.content, ct, err, test.contentType)
			}
			saved := t.TempDir()
			root, err := os.OpenRoot(saved)
			if err != nil {
				t.Fatal(err)
			}
			one, err := got.F.SaveIn(root)
			checkError(t, err, nil)
			two, err := got.F.SaveIn(root)
			checkError(t, err, nil)
			for _, name := range []string{one, two} {
				data, err := os.ReadFile(filepath.Join(saved, name))
				if err != nil || string(data) != test.content {
					t.Errorf("%.10q: saved %.10q, %v", test.content, data, err)
				}
				if filepath.Ext(name) != test.extension || len(name) != 26+len(test.extension) {
					t.Errorf("%.10q: saved as %q, want the extension %q", test.content, name, test.extension)
				}
			}
			if one == two || len(listDir(t, saved)) != 2 {
				t.Errorf("saved as %q and %q: %v", one, two, listDir(t, saved))
			}
			checkError(t, req.Close(), nil)
			checkEmpty(t, dir)

			if memory == 0 && test.content != "" {
				if _, err := got.F.ContentType(); err == nil {
					t.Error("the type of a closed file is known")
				}
				if name, err := got.F.SaveIn(root); err == nil {
					t.Errorf("a closed file was saved as %s", name)
				}
			}
			if err := root.Close(); err != nil {
				t.Fatal(err)
			}
			if memory > 0 {
				if name, err := got.F.SaveIn(root); err == nil {
					t.Errorf("saved in a closed root as %s", name)
				}
			}
			if n := len(listDir(t, saved)); n != 2 {
				t.Errorf("%d files, want 2", n)
			}
		}
	}
}

// brokenFile cannot be read to its end.
type brokenFile struct {
	*strings.Reader
}

func (brokenFile) Close() error                     { return nil }
func (brokenFile) WriteTo(io.Writer) (int64, error) { return 0, errBroken }

func TestSaveInRemovesWhatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := &bind.File{File: brokenFile{strings.NewReader("hello")}}
	name, err := f.SaveIn(root)
	if name != "" || err == nil {
		t.Errorf("got %q, %v", name, err)
	}
	checkEmpty(t, dir)
}

func TestAcceptedForms(t *testing.T) {
	if got := bind.AcceptedForms(); got != "application/x-www-form-urlencoded, multipart/form-data" {
		t.Errorf("got %q", got)
	}
	if got := bind.AcceptedBodies(&bind.Limits{}); got != "application/json" {
		t.Errorf("got %q", got)
	}
	if l := bind.DefaultLimits(); !reflect.DeepEqual(l, bind.DefaultLimits()) || l.Body != 4<<20 || l.Form != 32<<20 {
		t.Errorf("got %+v", l)
	}
}
