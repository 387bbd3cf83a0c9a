package demo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/demo"
)

// The test binary is also the program that the demo runs again, and in one test the demo itself. role says which.
const role = "TENON_DEMO_ROLE"

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	var err error
	switch os.Getenv(role) {
	case "api":
		err = api(ctx, os.Args[1:])
	case "demo":
		err = demo.Run(ctx, demo.Config{Program: program(), Dir: os.Args[1], JSON: true, Out: os.Stdout})
	default:
		os.Exit(m.Run())
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// program runs this test binary again as the API.
func program() child.Program {
	return child.Program{Path: os.Args[0], Env: []string{role + "=api"}}
}

func api(ctx context.Context, args []string) error {
	var cfg demo.APIConfig
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	flags.StringVar(&cfg.Dir, "dir", "", "")
	flags.StringVar(&cfg.Issuer, "issuer", "", "")
	flags.StringVar(&cfg.Origin, "origin", "", "")
	flags.StringVar(&cfg.CA, "ca", "", "")
	flags.StringVar((*string)(&cfg.Without), "without", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return demo.RunAPI(ctx, cfg, func() { fmt.Println("ready") })
}
