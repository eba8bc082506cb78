// Package alerts holds the tests of ../../alerts and ../../playbooks: the rules are
// sound, their unit tests pass and notice a moved boundary, and every alert has a
// playbook. It has no code of its own. It needs promtool, which comes with Prometheus
// (Debian: apt-get install prometheus).
package alerts
