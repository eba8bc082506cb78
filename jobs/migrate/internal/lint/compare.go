package lint

import (
	"maps"
	"slices"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// compare says what one statement did to the tables that were there before its
// migration. Old code uses these; what the migration makes itself nobody uses yet.
func compare(before, after state, tables map[uint32]string, s script.Script) []Finding {
	var all []Finding
	for _, oid := range slices.Sorted(maps.Keys(tables)) {
		was, is := before[oid], after[oid]
		if was == nil {
			continue // an earlier statement removed it
		}
		add := func(r Rule) { all = append(all, Finding{Rule: r, Table: tables[oid]}) }
		if is == nil || is.Name != was.Name {
			if s.Phase != script.Contract {
				add(Removes)
			}
			continue
		}
		if s.Tx { // outside, a statement holds its locks alone, and only gentle ones are let in
			for _, r := range burdens(was, is) {
				add(r)
			}
		}
		if s.Phase != script.Contract {
			for _, r := range breaks(was, is) {
				add(r)
			}
		}
	}
	return all
}

// burdens are what players would wait for.
func burdens(was, is *table) (rules []Rule) {
	scanned, changed := is.Scans > was.Scans, is.Changed > was.Changed
	switch {
	case is.File != was.File:
		rules = append(rules, Rewrites)
	case is.Lock >= share && scanned && !changed:
		rules = append(rules, Scans)
	case is.Lock == exclusive && changed:
		rules = append(rules, Updates)
	case is.Lock > was.Lock && is.Version == was.Version && !scanned && !changed:
		rules = append(rules, Holds)
	}
	return rules
}

// breaks are what code of the release before would stumble over.
func breaks(was, is *table) (rules []Rule) {
	for _, number := range slices.Sorted(maps.Keys(was.Columns)) {
		old := was.Columns[number]
		switch now, ok := is.Columns[number]; {
		case !ok || now.Name != old.Name:
			rules = append(rules, Removes)
		case now.Type != old.Type && !widens(old.Type, now.Type):
			rules = append(rules, Retypes)
		case now.Required && !old.Required:
			rules = append(rules, Demands)
		}
	}
	for number, now := range is.Columns {
		if _, ok := was.Columns[number]; !ok && now.Required {
			rules = append(rules, Demands)
		}
	}
	return rules
}

// widens reports whether every value of the old type is the same text in the new one,
// for every client: texts without or with a larger limit.
func widens(from, to string) bool { return texts(from) && to == "text" }

func texts(name string) bool {
	return name == "character varying" || len(name) > 18 && name[:18] == "character varying("
}
