package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestATaggedAnswerIsSentOnce(t *testing.T) {
	t.Parallel()
	ask := func(v any, tags ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, tag := range tags {
			r.Header.Add("If-None-Match", tag)
		}
		w := httptest.NewRecorder()
		if err := WriteTagged(w, r, v); err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := ask([]int{1, 2})
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || first.Body.String() != "[1,2]" || tag == "" || first.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("first answer: %d %q %v", first.Code, first.Body, first.Header())
	}
	for name, test := range map[string]struct {
		v    any
		tags []string
		want int
	}{
		"the same":         {[]int{1, 2}, []string{tag}, 304},
		"weak":             {[]int{1, 2}, []string{"W/" + tag}, 304},
		"one of some":      {[]int{1, 2}, []string{`"x", ` + tag}, 304},
		"in another line":  {[]int{1, 2}, []string{`"x"`, tag}, 304},
		"any":              {[]int{1, 2}, []string{"*"}, 304},
		"another":          {[]int{1, 2}, []string{`"x"`}, 200},
		"part of one":      {[]int{1, 2}, []string{tag[:5]}, 200},
		"of another value": {[]int{1, 3}, []string{tag}, 200},
	} {
		if w := ask(test.v, test.tags...); w.Code != test.want || (w.Code == 304) != (w.Body.Len() == 0) || w.Header().Get("ETag") == "" {
			t.Errorf("%s: %d %q; want %d", name, w.Code, w.Body, test.want)
		}
	}
	if err := WriteTagged(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), func() {}); err == nil {
		t.Error("a value without JSON form was written")
	}
}
