package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vegascore/vegascore/shared/problem"
)

// Codes that need no mention in the parts.
var (
	always    = []problem.Code{problem.BadRequest, problem.Internal, problem.Busy, problem.Unavailable}
	withToken = []problem.Code{problem.TokenMissing, problem.TokenInvalid, problem.TokenExpired}
	withBody  = []problem.Code{
		problem.BadJSON, problem.UnknownField, problem.DuplicateField, problem.WrongType, problem.MissingField, problem.TooDeep,
		problem.BadText, problem.BodyTooLarge, problem.UnsupportedMediaType,
	}
)

// addProblems gives each operation the responses of its codes.
func addProblems(doc object) error {
	for _, op := range operations(doc) {
		if err := op.addProblems(); err != nil {
			return fmt.Errorf("%s %s: %w", op.method, op.path, err)
		}
	}
	return nil
}

func (op operation) addProblems() error {
	listed, _ := op.object["x-problems"].([]any)
	_, probe := op.object["x-probe"]
	delete(op.object, "x-problems")
	delete(op.object, "x-probe")
	if probe {
		return nil
	}
	codes := slices.Clone(always)
	if _, ok := op.object["requestBody"]; ok {
		codes = append(codes, withBody...)
	}
	if security, _ := op.object["security"].([]any); len(security) > 0 {
		codes = append(codes, withToken...)
	}
	for _, v := range listed {
		text, _ := v.(string)
		codes = append(codes, problem.Code(text))
	}
	byStatus := map[int][]problem.Entry{}
	for _, code := range codes {
		entry, ok := problem.Find(code)
		if !ok {
			return fmt.Errorf("code %q is not in the catalogue", code)
		}
		byStatus[entry.Status] = append(byStatus[entry.Status], entry)
	}
	responses := dig(op.object, "responses")
	for status, entries := range byStatus {
		key := strconv.Itoa(status)
		if _, there := responses[key]; there {
			return fmt.Errorf("response %s is there twice", key)
		}
		responses[key] = refusal(status, entries)
	}
	return nil
}

// refusal is the response for the codes of one status.
func refusal(status int, entries []problem.Entry) object {
	slices.SortFunc(entries, func(a, b problem.Entry) int { return strings.Compare(string(a.Code), string(b.Code)) })
	entries = slices.Compact(entries)
	codes, titles := make([]any, len(entries)), make([]string, len(entries))
	for i, e := range entries {
		codes[i], titles[i] = string(e.Code), e.Title
	}
	r := object{
		"description": strings.Join(titles, "; ") + ".",
		"content": object{problem.ContentType: object{"schema": object{
			"allOf":      []any{object{"$ref": "#/components/schemas/Problem"}},
			"properties": object{"status": object{"const": status}, "code": object{"enum": codes}},
		}}},
	}
	switch status {
	case http.StatusUnauthorized:
		r["headers"] = object{"WWW-Authenticate": object{"$ref": "#/components/headers/WWWAuthenticate"}}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		r["headers"] = object{"Retry-After": object{"$ref": "#/components/headers/RetryAfter"}}
	}
	return r
}
