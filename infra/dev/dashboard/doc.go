// Package dashboard draws a Grafana dashboard as it looks over a Prometheus, as an SVG
// picture for documents: title, value or lines, and legend of each panel, where it
// stands. It knows the panels that infra/dashboards uses: rows, stats and time series.
package dashboard
