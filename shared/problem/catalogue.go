package problem

import "slices"

// Entry is what the catalogue says about a code: to programs its status, to people what
// it means and what the caller should do.
type Entry struct {
	Code    Code   `json:"code"`
	Status  int    `json:"status"` // of HTTP
	Title   string `json:"title"`
	Meaning string `json:"meaning"`
	Remedy  string `json:"remedy"`
}

// Catalogue returns all codes, sorted by status and then by name.
func Catalogue() []Entry { return slices.Clone(sorted) }

// Find returns the entry of a code.
func Find(c Code) (Entry, bool) {
	e, ok := byCode[c]
	return e, ok
}

// pages is where the catalogue is served, and so the beginning of every type.
const pages = "/v1/problems/"

// blank is the type that says no more than the status (RFC 9457, section 4.2.1).
const blank = "about:blank"

// URI is the type of problems with this code: the path of its page on the host that
// answered (RFC 9457, section 3.1.1). Of a code outside the catalogue it is about:blank.
func (c Code) URI() string {
	if _, ok := byCode[c]; !ok {
		return blank
	}
	return pages + string(c)
}

var byCode = func() map[Code]Entry {
	m := make(map[Code]Entry, len(table))
	for _, e := range table {
		m[e.Code] = e
	}
	return m
}()

var sorted = slices.SortedFunc(slices.Values(table), func(a, b Entry) int {
	if a.Status != b.Status {
		return a.Status - b.Status
	}
	if a.Code < b.Code {
		return -1
	}
	return 1
})
