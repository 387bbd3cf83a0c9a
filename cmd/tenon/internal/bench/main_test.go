package bench_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/bench"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
)

// The test binary is also the process that calls the servers.
const role = "TENON_BENCH_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) != "caller" {
		os.Exit(m.Run())
	}
	if err := bench.Call(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func caller() child.Program {
	return child.Program{Path: os.Args[0], Env: []string{role + "=caller"}}
}
