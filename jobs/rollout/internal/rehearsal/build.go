// Package rehearsal runs cloudbuild.yaml on this machine, offline: the steps as they
// stand there, in their order, against a fake of Cloud Run's Admin API and a registry
// in this process.
package rehearsal

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"

	"cloud.google.com/go/cloudbuild/apiv1/v2/cloudbuildpb"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

// Read reads a build configuration. A field that Cloud Build does not know is an error.
func Read(file string) (*cloudbuildpb.Build, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the build: %w", err)
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	b := &cloudbuildpb.Build{}
	if err := protojson.Unmarshal(asJSON, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return b, nil
}

// builtIn are the substitutions that every build has.
var builtIn = []string{"PROJECT_ID", "BUILD_ID", "COMMIT_SHA"}

var variable = regexp.MustCompile(`\$(?:\{([A-Z_][A-Z0-9_]*)\}|([A-Z_][A-Z0-9_]*))`)

// substitutions are the values of a build's variables: its own defaults, with given in
// their place. A value may use built-in ones.
func substitutions(b *cloudbuildpb.Build, given map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range builtIn {
		if given[name] == "" {
			return nil, fmt.Errorf("substitution %s is not given", name)
		}
		values[name] = given[name]
	}
	own := map[string]string{} // they do not see each other
	for name, text := range b.GetSubstitutions() {
		if value, ok := given[name]; ok {
			text = value
		}
		expanded, err := expand(text, values)
		if err != nil {
			return nil, fmt.Errorf("substitution %s: %w", name, err)
		}
		own[name] = expanded
	}
	maps.Copy(values, own)
	for name := range given {
		if _, ok := b.GetSubstitutions()[name]; !ok && strings.HasPrefix(name, "_") {
			return nil, fmt.Errorf("the build has no substitution %s", name)
		}
	}
	return values, nil
}

var errUnknown = errors.New("unknown substitution")

// expand replaces variables. One that there is not is an error, as in Cloud Build.
func expand(text string, values map[string]string) (string, error) {
	var unknown []string
	out := variable.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.Trim(found, "${}")
		value, ok := values[name]
		if !ok {
			unknown = append(unknown, name)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("%w: %s", errUnknown, strings.Join(unknown, ", "))
	}
	return out, nil
}
