package bind

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// form fills the fields from the body's form, which is read once.
func (b *binding) form() error {
	b.req.reading()
	if !b.req.formRead {
		b.req.formRead = true
		b.req.formErr = b.req.readForm(b.limits)
	}
	if b.req.formErr != nil {
		return b.req.formErr
	}
	if b.req.form.multi != nil {
		return b.multipart()
	}
	if err := b.pairs(b.req.form.text); err != nil {
		return err
	}
	return b.noFiles()
}

// readForm reads the body of either form type. A request without a body is an
// empty form.
func (q *Request) readForm(limits *Limits) error {
	if !q.hasBody() {
		return nil
	}
	ct := contentType(q.R)
	kind, boundary := formType(ct)
	if kind == otherType || kind == noType {
		if q.R.ContentLength == 0 || q.R.ContentLength < 0 && q.endsAtOnce(limits) {
			return nil
		}
		return unsupported(PlaceForm, ct, acceptedForms)
	}
	limited, err := q.limitBody(PlaceForm, limits.Form, limits.FormTimeout)
	if err != nil {
		return err
	}
	if kind == multipartType {
		err = q.readMultipart(limits, limited, boundary)
	} else {
		if err = q.readAll(limited, q.R.ContentLength); err != nil {
			err = q.readError(PlaceForm, err)
		}
		q.form.text = string(q.bytes)
	}
	if err == nil {
		q.endDeadline(limits.FormTimeout)
	}
	return err
}

// endsAtOnce reports whether a body of unknown length has no bytes.
func (q *Request) endsAtOnce(limits *Limits) bool {
	limited, err := q.limitBody(PlaceForm, 1, limits.FormTimeout)
	if err != nil {
		return false
	}
	var one [1]byte
	n, err := limited.Read(one[:])
	if n == 0 && err == io.EOF {
		q.endDeadline(limits.FormTimeout)
		return true
	}
	return false
}

// contentType is r.Header.Get("Content-Type") without the canonical key's search.
func contentType(r *http.Request) string {
	if values := r.Header["Content-Type"]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func formType(ct string) (kind mediaType, boundary string) {
	if ct == "application/x-www-form-urlencoded" {
		return urlencodedType, ""
	}
	if ct == "" {
		return noType, ""
	}
	mt, params, err := mime.ParseMediaType(ct)
	switch {
	case mt == "application/x-www-form-urlencoded" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)):
		return urlencodedType, ""
	case mt == "multipart/form-data" && err == nil:
		return multipartType, params["boundary"]
	case strings.HasPrefix(strings.ToLower(ct), "multipart/form-data"):
		return multipartType, "" // its boundary cannot be read
	}
	return otherType, ""
}

func (q *Request) readMultipart(limits *Limits, limited *limitedBody, boundary string) error {
	if boundary == "" {
		return Error{Place: PlaceForm, Reason: "the Content-Type multipart/form-data has no boundary"}
	}
	if limits.Form > 0 && q.R.ContentLength > 0 { // the parts decide where it ends, not the length
		limited.r = http.MaxBytesReader(q.W, q.R.Body, limits.Form)
	}
	// ReadForm takes an end in the middle of a part's header for the end of the
	// form. So the end comes as an error, after the line break that the last
	// boundary need not have. Behind the last boundary neither is read.
	whole := io.MultiReader(limited, strings.NewReader("\r\n"), cutShort{})
	form, err := multipart.NewReader(whole, boundary).ReadForm(limits.FormMemory)
	if err != nil {
		var disk *fs.PathError
		switch {
		case limited.err != nil:
			return q.readError(PlaceForm, err)
		case errors.As(err, &disk): // the server's trouble, not the client's
			return fmt.Errorf("keep an uploaded file on disk: %w", err)
		case errors.Is(err, multipart.ErrMessageTooLarge) && limited.n > limits.FormMemory+multipartText-multipartSlack:
			return tooLarge(PlaceForm, limits.FormMemory+multipartText)
		case errors.Is(err, multipart.ErrMessageTooLarge):
			return Error{Place: PlaceForm, Reason: "too many parts, or a part with too large a header", Err: err}
		}
		return Error{Place: PlaceForm, Reason: fmt.Sprintf("malformed multipart body after %d bytes", limited.n), Err: err}
	}
	q.form.multi = form
	keys, files := 0, 0
	for _, values := range form.Value {
		keys += len(values)
	}
	for _, headers := range form.File {
		files += len(headers)
	}
	switch {
	case limits.Files > 0 && files > limits.Files:
		return Error{Place: PlaceForm, Reason: fmt.Sprintf("more than %d files", limits.Files)}
	case limits.Keys > 0 && keys > limits.Keys:
		return Error{Place: PlaceForm, Reason: fmt.Sprintf("more than %d keys", limits.Keys)}
	}
	return nil
}

// cutShort is read where a multipart body should have ended.
type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// multipartText is what mime/multipart allows for the parts that are no files,
// beside the memory for files.
const multipartText = 10 << 20

// multipartSlack is what mime/multipart counts for parts beside their text, and
// more.
const multipartSlack = 1 << 20

// multipart fills the fields from the parts of a multipart form.
func (b *binding) multipart() error {
	form := b.req.form.multi
	for i := range b.plan.fields {
		f := &b.plan.fields[i]
		switch f.shape {
		case file, files:
			if err := b.setFiles(f, form.File[f.key]); err != nil {
				return err
			}
		case mapping: // its members are among the extra keys
		default:
			for _, s := range form.Value[f.key] {
				if err := b.set(i, f, s); err != nil {
					return err
				}
			}
		}
	}
	if !b.plan.maps && !b.limits.Strict {
		return nil
	}
	for _, key := range sortedKeys(form.Value) {
		for _, s := range form.Value[key] {
			if err := b.extra(key, s); err != nil {
				return err
			}
		}
	}
	for _, key := range sortedKeys(form.File) {
		if b.limits.Strict && b.plan.find(key) < 0 {
			return b.unknown(key)
		}
	}
	return nil
}

// extra takes a key that is no field's own: a member of a map, or unknown.
func (b *binding) extra(key, value string) error {
	if i := b.plan.find(key); i >= 0 {
		if b.plan.fields[i].shape == mapping {
			return b.notMember(i)
		}
		return nil
	}
	return b.other(key, value, b.limits.Strict)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (b *binding) setFiles(f *field, headers []*multipart.FileHeader) error {
	if len(headers) == 0 {
		return b.missing(f)
	}
	fv := f.in(b.v)
	fv.SetZero()
	for _, header := range headers {
		opened, err := header.Open()
		if err != nil {
			return fmt.Errorf("open the uploaded file of %s: %w", f.name, err)
		}
		b.req.form.open = append(b.req.form.open, opened)
		upload := &File{File: opened, Header: header}
		reason, status, err := f.file.check(upload)
		if err != nil {
			return fmt.Errorf("read the uploaded file of %s: %w", f.name, err)
		}
		if reason != "" {
			return Error{Place: PlaceForm, FieldName: f.name, Key: f.key, Reason: reason, Status: status}
		}
		if f.shape == file {
			*fv.Addr().Interface().(**File) = upload
			return nil // the first one, as with values
		}
		list := fv.Addr().Interface().(*[]*File)
		*list = append(*list, upload)
	}
	return nil
}

var errText = errors.New("is text, where a file is wanted")

// missing is the error for a file that was not sent, if it had to be.
func (b *binding) missing(f *field) error {
	// A browser sends the file that was not chosen as a part with an empty name,
	// which is text to mime/multipart.
	filled := func(s string) bool { return s != "" }
	if form := b.req.form.multi; form != nil && slices.ContainsFunc(form.Value[f.key], filled) {
		return b.plan.fieldError(f, errText)
	}
	if f.file.optional {
		return nil
	}
	return Error{Place: PlaceForm, FieldName: f.name, Key: f.key, Reason: "no file was sent"}
}

// noFiles checks the file fields of a form that is not multipart.
func (b *binding) noFiles() error {
	for i := range b.plan.fields {
		if f := &b.plan.fields[i]; f.shape == file || f.shape == files {
			if err := b.missing(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// A mediaType is what a Content-Type says about a form.
type mediaType uint8

const (
	noType mediaType = iota
	urlencodedType
	multipartType
	otherType
)

// acceptedForms is the value of Accept-Post for the types that a Form takes.
const acceptedForms = "application/x-www-form-urlencoded, multipart/form-data"

// unsupported is the error for a Content-Type that is not accepted.
func unsupported(place, contentType, accepted string) Error {
	reason := fmt.Sprintf("Content-Type %s is not accepted, only %s", quote(contentType), accepted)
	if contentType == "" {
		reason = "a body needs a Content-Type, one of " + accepted
	}
	return Error{Place: place, Reason: reason, Status: http.StatusUnsupportedMediaType}
}
