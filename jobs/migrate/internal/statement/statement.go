// Package statement takes SQL text apart, as far as a migration runner needs it:
// into statements, and these into their first words.
package statement

import (
	"strings"
)

// Statement is one SQL statement.
type Statement struct {
	// Text is the statement without its semicolon and without comments before it.
	Text string
	// Words are its words, symbols and quoted names outside of parentheses, in
	// their order; plain words in upper case, quoted names with their quotes.
	Words []string
}

// Has reports whether the words start with these; "?" stands for any one word.
func (s Statement) Has(words ...string) bool {
	if len(s.Words) < len(words) {
		return false
	}
	for i, w := range words {
		if w != "?" && s.Words[i] != w {
			return false
		}
	}
	return true
}

// Split takes a script apart at the semicolons that end statements: not those in
// strings, quoted names, dollar quotes, comments, or in the body of a function
// that is written as BEGIN ATOMIC ... END. Text that does not end, such as an open
// string, belongs to the last statement; the server will say what is wrong.
func Split(sql string) []Statement {
	s := scanner{sql: sql}
	var all []Statement
	for {
		st, ok := s.statement()
		if !ok {
			return all
		}
		if st.Text != "" {
			all = append(all, st)
		}
	}
}

// scanner reads a script from pos on.
type scanner struct {
	sql string
	pos int
}

// statement reads up to the end of the next statement.
func (s *scanner) statement() (Statement, bool) {
	var st Statement
	start := -1
	depth, atomic := 0, 0 // open parentheses, open BEGIN ATOMIC and CASE
	end := func(at int) (Statement, bool) {
		if start >= 0 {
			st.Text = strings.TrimSpace(s.sql[start:at])
		}
		return st, true
	}
	if s.pos >= len(s.sql) {
		return st, false
	}
	for s.pos < len(s.sql) {
		at := s.pos
		word, comment := s.token()
		switch {
		case comment || word == "":
			continue
		case word == ";" && atomic == 0:
			return end(at)
		}
		if start < 0 {
			start = at
		}
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		case "ATOMIC":
			if n := len(st.Words); n > 0 && st.Words[n-1] == "BEGIN" && st.Words[0] == "CREATE" {
				atomic = 1
			}
		case "CASE":
			if atomic > 0 {
				atomic++
			}
		case "END":
			if atomic > 0 {
				atomic--
			}
		}
		if depth == 0 && word != ")" {
			st.Words = append(st.Words, word)
		}
	}
	return end(len(s.sql))
}

// token reads one word, symbol, string or comment and returns it as Words shows
// it; white space is "".
func (s *scanner) token() (word string, comment bool) {
	rest := s.sql[s.pos:]
	c := rest[0]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		s.pos++
		return "", false
	case strings.HasPrefix(rest, "--"):
		return "", s.skip(lineEnd(rest))
	case strings.HasPrefix(rest, "/*"):
		return "", s.skip(commentEnd(rest))
	case c == '\'':
		return s.take(quoteEnd(rest, 1, '\'', false)), false
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		return s.take(quoteEnd(rest, 2, '\'', true)), false
	case c == '"':
		return s.take(quoteEnd(rest, 1, '"', false)), false
	case c == '$':
		if n := dollarEnd(rest); n > 0 {
			return s.take(n), false
		}
		return s.take(1), false
	case isWord(c):
		n := 1
		for n < len(rest) && (isWord(rest[n]) || rest[n] == '$') {
			n++
		}
		return strings.ToUpper(s.take(n)), false
	}
	return s.take(1), false
}

// take moves on by n bytes and returns them.
func (s *scanner) take(n int) string {
	text := s.sql[s.pos : s.pos+n]
	s.pos += n
	return text
}

// skip moves on by n bytes.
func (s *scanner) skip(n int) bool {
	s.pos += n
	return true
}
