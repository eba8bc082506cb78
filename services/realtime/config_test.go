package main

import (
	"strings"
	"testing"
)

func TestAWrongVariableIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, value, want string }{
		{"ADAPTER", "shared", "must be classic"},
		{"PORT", "http", "Port"},
		{"LOCAL_ONLY", "perhaps", "LocalOnly"},
		{"TRANSPORTS", "polling,carrier pigeon", "TRANSPORTS"},
		{"TRUSTED_HOPS", "-1", "TRUSTED_HOPS"},
		{"RECOVERY_WINDOW", "-1s", "RECOVERY_WINDOW"},
		{"RECOVERY_WINDOW", "6m", "RECOVERY_WINDOW"},
		{"RECOVERY_WINDOW", "2", "Recovery"},
		{"SOCKET_MESSAGES", "-5", "SOCKET_MESSAGES"},
		{"SOCKET_MAX_AGE", "an hour", "MaxAge"},
	} {
		_, err := readConfig(func(name string) string {
			if name == test.name {
				return test.value
			}
			return ""
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%s: %v; want an error that names %s", test.name, test.value, err, test.want)
		}
	}
	if _, err := readConfig(func(string) string { return "" }); err != nil {
		t.Errorf("without any variable: %v", err)
	}
}
