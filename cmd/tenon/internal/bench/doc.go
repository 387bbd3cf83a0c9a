// Package bench measures this machine: what a bare signature costs, and what everything that Tenon does costs beside it. The two
// take turns within one run, so that a noisy or throttled machine hits both and their ratio says more than either.
//
// Time is measured for every operation. CPU is what the whole process used, from the operating system, with background work and
// garbage collection in it. Callers over HTTP are a process of their own, so that their work is not in it.
//
// Reading order: bench.go (what is measured, in which order), sample.go and cpu_unix.go (how), raw.go (the yardstick), service.go
// (an issuer and a verifier to measure), verifying.go, caller.go and wire.go (another process that calls), calling.go, issuing.go, granting.go, remembering.go and starting.go (the
// measurements), machine.go, report.go and table.go (how it is told).
package bench
