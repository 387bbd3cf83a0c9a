// Package auditview shows to people what the auditor's commands found: reports, searches, timelines. Whatever strangers got into
// a log is made harmless for a terminal here.
//
// Reading order: page.go, finding.go, report.go, search.go, timeline.go.
package auditview
