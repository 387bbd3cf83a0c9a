package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/durable"
)

// logTimeout bounds the reading of one file from a server.
const logTimeout = 30 * time.Second

func (l *logFlags) remote(where string) (audit.Source, error) {
	c := audit.HTTPConfig{URL: where}
	if l.tokenFile != "" {
		secret, err := durable.ReadPrivateFile(l.tokenFile, maxToken)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		c.Token = strings.TrimSpace(string(secret))
	}
	if l.ca != "" {
		data, err := os.ReadFile(l.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("--ca: there is no certificate in %s", l.ca)
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		c.Client = &http.Client{Transport: transport, Timeout: logTimeout}
	}
	return audit.NewHTTPSource(c)
}

// openedElsewhere is a log whose openings came by another way: a server hands them to nobody over the network.
type openedElsewhere struct {
	audit.Source
	openings audit.Source // in which they are below openings/
}

// listedElsewhere is the same for a log that can be listed.
type listedElsewhere struct {
	openedElsewhere
	audit.Lister
}

func withOpenings(log, openings audit.Source) audit.Source {
	both := openedElsewhere{log, openings}
	if l, ok := log.(audit.Lister); ok {
		return listedElsewhere{both, l}
	}
	return both
}

// ReadFile reads a file of the log, or an opening.
func (o openedElsewhere) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if strings.HasPrefix(path, "openings/") {
		return o.openings.ReadFile(ctx, path)
	}
	return o.Source.ReadFile(ctx, path)
}

// A pinnedLog is a log whose checkpoint is a certain one, so that it does not grow in the middle.
type pinnedLog struct {
	audit.Source
	signed []byte
}

// ReadFile reads a file of the log.
func (p pinnedLog) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if path == checkpointFile {
		return p.signed, nil
	}
	return p.Source.ReadFile(ctx, path)
}

// checkpointFile and archiveFolder are where a log keeps its newest checkpoint and those that witnesses cosigned.
const (
	checkpointFile = "checkpoint"
	archiveFolder  = "archive"
)

// bestCheckpoint is the newest checkpoint that has an entry and a quorum, or else the newest at all.
func (o *openLog) bestCheckpoint(ctx context.Context, index int64) ([]byte, error) {
	newest, err := o.source.ReadFile(ctx, checkpointFile)
	if err != nil {
		return nil, fmt.Errorf("the log's checkpoint: %w", err)
	}
	head, err := o.policy.Open(newest)
	if err != nil || head.Quorum.Met {
		return newest, err
	}
	lister, ok := o.source.(audit.Lister)
	if !ok {
		return newest, nil
	}
	names, err := lister.List(ctx, archiveFolder)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(names) {
		signed, err := o.source.ReadFile(ctx, archiveFolder+"/"+name)
		if err != nil {
			return nil, err
		}
		h, err := o.policy.Open(signed)
		if err == nil && h.Quorum.Met && h.Checkpoint.Size <= head.Checkpoint.Size {
			if h.Checkpoint.Size <= index {
				break // those before are smaller still
			}
			return signed, nil
		}
	}
	return newest, nil
}
