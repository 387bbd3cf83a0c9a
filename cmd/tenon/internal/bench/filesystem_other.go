//go:build !linux

package bench

func filesystem(string) (name string, inMemory bool) { return "unknown", false }
