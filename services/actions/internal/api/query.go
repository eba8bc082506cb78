package api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vegascore/vegascore/shared/problem"
)

// queryOf reads the query of a request that knows the parameters of these names; others
// stand for nothing. It returns the problem params_invalid for a query that does not parse,
// of which a part would be lost, for a parameter that is there twice, and for one that is
// no text.
func queryOf(r *http.Request, names ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.Of(problem.ParamsInvalid, "The query is malformed.").Because(err)
	}
	for _, name := range names {
		if len(query[name]) > 1 {
			return nil, problem.Of(problem.ParamsInvalid, "Send %s once.", name)
		}
		if text := query.Get(name); !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return nil, problem.Of(problem.ParamsInvalid, "%s is not text in UTF-8.", name)
		}
	}
	return query, nil
}
