package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// queryFlags say which entries are looked for.
type queryFlags struct {
	jkt, x5t, account, tokenID, client string
	since, until                       string
	types                              []string
	related                            bool
}

func (q *queryFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&q.jkt, "jkt", "", "`thumbprint` of a DPoP key (RFC 7638), as tenon proof --json and a token's cnf.jkt have it")
	flags.StringVar(&q.x5t, "x5t", "", "`thumbprint` of a certificate (x5t#S256)")
	flags.StringVar(&q.account, "account", "", "`subject` of the tokens")
	flags.StringVar(&q.tokenID, "token-id", "", "`jti` of a token")
	flags.StringVar(&q.client, "client", "", "client `id`")
	flags.StringVar(&q.since, "since", "", "earliest `time`, in UTC: 2026-11-20, \"2026-11-20 09:12\" or RFC 3339")
	flags.StringVar(&q.until, "until", "", "the `time` before which")
	flags.StringSliceVar(&q.types, "type", nil, "`type` of entry, as token.issued; several are parted by commas")
	flags.BoolVar(&q.related, "related", false, "also entries about those that are found, as revocations of a token")
}

// query holds the flags to their forms.
func (q *queryFlags) query() (audit.Query, error) {
	query := audit.Query{Thumbprint: q.jkt, Account: q.account, TokenID: q.tokenID, Client: q.client, Related: q.related}
	var faults []error
	switch {
	case q.jkt != "" && q.x5t != "":
		faults = append(faults, errors.New("--jkt and --x5t: give one of them"))
	case q.x5t != "":
		query.Thumbprint = q.x5t
	}
	if query.Thumbprint != "" && !tenon.IsThumbprint(query.Thumbprint) {
		faults = append(faults, fmt.Errorf("%q is not a thumbprint: 43 characters of base64url", query.Thumbprint))
	}
	for _, name := range q.types {
		if !audit.Type(name).Known() {
			faults = append(faults, fmt.Errorf("--type: there are no entries of type %q", name))
		}
		query.Types = append(query.Types, audit.Type(name))
	}
	var err error
	if query.Since, err = parseInstant(q.since); err != nil {
		faults = append(faults, fmt.Errorf("--since: %w", err))
	}
	if query.Until, err = parseInstant(q.until); err != nil {
		faults = append(faults, fmt.Errorf("--until: %w", err))
	}
	return query, errors.Join(faults...)
}

// narrow reports whether anything at all was asked for.
func (q *queryFlags) narrow() bool {
	return q.jkt != "" || q.x5t != "" || q.account != "" || q.tokenID != "" || q.client != "" || q.since != "" || q.until != "" || len(q.types) > 0
}

// find makes the search of the flags in a log, with a progress bar, which must be wiped when it is done.
func (q *queryFlags) find(cmd *cobra.Command, o *openLog) (audit.FindConfig, *terminal.Progress, error) {
	query, err := q.query()
	if err != nil {
		return audit.FindConfig{}, nil, usageError(err)
	}
	bar := auditProgress(cmd)
	return audit.FindConfig{Source: o.source, Policy: o.policy, Query: query, Progress: bar.Show}, bar, nil
}

// parseInstant reads a time as people write it. "" is the zero time.
func parseInstant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is not a time: write 2026-11-20, "2026-11-20 09:12" or 2026-11-20T09:12:00Z`, s)
}
