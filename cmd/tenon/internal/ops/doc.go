// Package ops is what the operators of a running server see and rely on: its metrics, its health, the line it logs for each
// request, and the bounds on its connections.
//
// The packages that do the work know nothing of it. They tell what happened through one hook each, and [Monitor] turns what
// they tell into numbers and lines.
//
// Reading order: metrics.go (the numbers), gauge.go (those that are looked up when asked), monitor.go (what happened, into
// numbers and lines), front.go (around every request), health.go (ready or not), connections.go.
package ops
