package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// addGames makes schemas of the games' parts: those of each game, and those that say
// which of them a bet, an action and a round has.
func addGames(doc object) error {
	games, schemas := dig(doc, "games"), dig(doc, "components", "schemas")
	delete(doc, "games")
	names := slices.Sorted(maps.Keys(games))
	if len(names) == 0 || schemas == nil {
		return fmt.Errorf("%d games", len(names))
	}
	var bets, actions, params, outcomes []any
	for _, name := range names {
		game := dig(games, name)
		shared := game["shared"] == true
		delete(game, "shared")
		title := strings.ToUpper(name[:1]) + name[1:]
		refs := map[string]object{}
		for _, what := range slices.Sorted(maps.Keys(game)) {
			key := title + strings.ToUpper(what[:1]) + what[1:]
			if _, there := schemas[key]; there {
				return fmt.Errorf("schema %s is there twice", key)
			}
			schemas[key] = game[what]
			refs[what] = object{"$ref": "#/components/schemas/" + key}
		}
		if refs["params"] == nil || (refs["outcome"] == nil) == (refs["view"] == nil) {
			return fmt.Errorf("game %s has no params, or not one of outcome and view", name)
		}
		bets = append(bets, object{"properties": object{
			"game": object{"const": name}, "table": object{"pattern": "^" + name + "-[0-9]+$"}, "params": refs["params"],
		}})
		if action := refs["action"]; action != nil {
			actions = append(actions, action)
		}
		params = append(params, where(name, object{"params": refs["params"]}))
		if shared { // what the draw comes to is not known while a bet is open
			outcomes = append(outcomes, where(name, object{"view": refs["params"], "outcome": orNull(refs["outcome"])}))
		} else if view := refs["view"]; view != nil {
			outcomes = append(outcomes, where(name, object{"view": view, "outcome": orNull(view)}))
		} else {
			outcomes = append(outcomes, where(name, object{"view": false, "outcome": orNull(refs["outcome"])}))
		}
	}
	schemas["Game"] = object{"enum": names}
	schemas["Bet"] = object{
		"type": "object", "required": []any{"game", "table", "stake", "params"}, "additionalProperties": false,
		"properties": object{
			"game": object{"$ref": "#/components/schemas/Game"}, "table": object{"type": "string"},
			"stake": object{"$ref": "#/components/schemas/Stake"}, "params": object{"type": "object", "description": "As the game has them."},
		},
		"oneOf": bets,
	}
	schemas["Action"] = object{"type": "object", "required": []any{"action"}, "anyOf": actions}
	schemas["ParamsOfGame"] = object{"type": "object", "allOf": params}
	schemas["OutcomeOfGame"] = object{"type": "object", "allOf": outcomes}
	return nil
}

// where is a schema that holds for rounds of one game.
func where(game string, properties object) object {
	return object{
		"if":   object{"properties": object{"game": object{"const": game}}, "required": []any{"game"}},
		"then": object{"properties": properties},
	}
}

func orNull(schema object) object { return object{"anyOf": []any{schema, object{"type": "null"}}} }
