package statement

import "strings"

// Index is what a CREATE INDEX CONCURRENTLY builds.
type Index struct {
	Name  string // as the catalogue shows it
	Table string // as SQL reads it, with quotes and schema if it has them
}

// ConcurrentIndex returns the index that s builds concurrently. ok is false for
// every other statement; an index without a name has an empty one.
func (s Statement) ConcurrentIndex() (index Index, ok bool) {
	w := s.Words
	next := func(words ...string) bool {
		if !(Statement{Words: w}).Has(words...) {
			return false
		}
		w = w[len(words):]
		return true
	}
	if !next("CREATE") {
		return index, false
	}
	next("UNIQUE")
	if !next("INDEX", "CONCURRENTLY") {
		return index, false
	}
	next("IF", "NOT", "EXISTS")
	if !next("ON") {
		if !next("?", "ON") {
			return index, true // not SQL: left to the checks of the caller
		}
		index.Name = s.name(len(s.Words) - len(w) - 2)
	}
	next("ONLY")
	for i, word := range w {
		if i > 0 && word != "." && w[i-1] != "." {
			break
		}
		index.Table += plain(word)
	}
	return index, true
}

// name is word i as the catalogue shows it.
func (s Statement) name(i int) string {
	word := s.Words[i]
	if strings.HasPrefix(word, `"`) {
		return strings.ReplaceAll(strings.Trim(word, `"`), `""`, `"`)
	}
	return strings.ToLower(word)
}

// plain gives an unquoted name back its meaning: SQL reads it in lower case.
func plain(word string) string {
	if strings.HasPrefix(word, `"`) {
		return word
	}
	return strings.ToLower(word)
}
