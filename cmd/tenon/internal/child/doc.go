// Package child runs this program again, as a process that does not outlive it. The demo needs an API that can be killed, the
// benchmarks a caller whose work does not count.
package child
