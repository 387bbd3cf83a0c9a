package main

import (
	"encoding/json"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

// A foundEntry is an entry as a person reads it, and as it stands in the log.
type foundEntry struct {
	audit.Event
	Leaf json.RawMessage `json:"leaf"`
}

// readEntry reads an entry. Of its opening it shows the detail record, when it is the one that the entry commits to.
func readEntry(index int64, entry []byte, l *audit.Leaf, o *audit.Opening) foundEntry {
	e := audit.Event{
		Index: index, At: time.UnixMilli(l.Time).UTC(), Type: l.Type, Outcome: l.Outcome, Reason: l.Reason, Client: l.Token.Client,
		Scope: l.Token.Scope, About: l.Evidence.About, Count: l.Span.Count,
	}
	if o != nil && l.Evidence.Detail != "" {
		if nonce, err := audit.ParseSalt(o.Nonce); err == nil && audit.DetailCommitment(nonce, o.Detail) == l.Evidence.Detail {
			e.Detail = o.Detail
		}
	}
	return foundEntry{e, entry}
}

func eventsOf(found []foundEntry) []audit.Event {
	events := make([]audit.Event, len(found))
	for i := range found {
		events[i] = found[i].Event
	}
	return events
}
