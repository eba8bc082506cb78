// Package alerts holds the tests of ../../alerts, ../../playbooks and the other guides of
// operators: the rules are sound, their unit tests pass and notice a moved boundary, every
// alert has a playbook, and what the guides tell to type can be typed: statements run on
// the schema, queries parse and ask for figures that exist, shell is shell, links lead
// somewhere. What it cannot try are Google's commands. It has no code of its own. It
// needs promtool, which comes with Prometheus (Debian: apt-get install prometheus).
package alerts
