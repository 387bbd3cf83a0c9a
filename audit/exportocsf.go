package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// ocsfVersion is that of the Open Cybersecurity Schema Framework whose classes are used: Authentication (3002), Authorize Session
// (3003) and API Activity (6003).
const ocsfVersion = "1.8.0"

const (
	ocsfAuthentication = 3002
	ocsfAuthorize      = 3003
	ocsfAPI            = 6003
	ocsfOther          = 99 // activity_id, in every class
)

// An ocsfExporter writes one event a line.
type ocsfExporter struct {
	w      io.Writer
	origin string
}

func (e *ocsfExporter) end() error { return nil }

func (e *ocsfExporter) write(m Match) error { return writeJSONLine(e.w, e.event(m)) }

// ocsfEvent has the attributes that all classes have, and those of the one class that it is of.
type ocsfEvent struct {
	ocsfBase
	Unmapped     map[string]any `json:"unmapped"`
	User         *ocsfUser      `json:"user,omitempty"`    // 3002, 3003: required
	Service      *ocsfName      `json:"service,omitempty"` // 3002
	AuthProtocol int            `json:"auth_protocol_id,omitempty"`
	Privileges   []string       `json:"privileges,omitempty"`   // 3003
	Session      *ocsfSession   `json:"session,omitempty"`      // 3003
	Actor        *ocsfActor     `json:"actor,omitempty"`        // 6003: required
	API          *ocsfAPICall   `json:"api,omitempty"`          // 6003: required
	Source       *ocsfName      `json:"src_endpoint,omitempty"` // 6003: required
}

type ocsfBase struct {
	Activity     int          `json:"activity_id"`
	Category     int          `json:"category_uid"`
	Class        int          `json:"class_uid"`
	Type         int          `json:"type_uid"`
	Severity     int          `json:"severity_id"`
	Status       int          `json:"status_id"`
	StatusDetail string       `json:"status_detail,omitempty"`
	Time         int64        `json:"time"`
	Message      string       `json:"message"`
	Metadata     ocsfMetadata `json:"metadata"`
}

type ocsfMetadata struct {
	Version   string      `json:"version"`
	Product   ocsfProduct `json:"product"`
	UID       string      `json:"uid"`
	LogName   string      `json:"log_name"`
	EventCode string      `json:"event_code"`
}

type ocsfProduct struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type ocsfUser struct {
	UID string `json:"uid"`
}

type ocsfName struct {
	Name string `json:"name"`
}

type ocsfSession struct {
	UID     string `json:"uid"`
	Expires int64  `json:"expiration_time,omitempty"`
}

type ocsfActor struct {
	User ocsfUser `json:"user"`
}

type ocsfAPICall struct {
	Operation string   `json:"operation"`
	Service   ocsfName `json:"service"`
}

// ocsfClass says which class and activity a type of entry is.
func ocsfClass(l *Leaf) (class, activity int) {
	switch l.Type {
	case TokenIssued, TokenRefreshed, TokenExchanged:
		if l.Outcome == OK {
			return ocsfAuthorize, 1 // Assign Privileges
		}
		return ocsfAuthentication, 1
	case TokenRefused, RefusalSummary:
		return ocsfAuthentication, 1 // Logon, failed
	case TokenRevoked, GrantRevoked:
		return ocsfAuthentication, 2 // Logoff
	case ExportMade, SearchMade:
		return ocsfAPI, 2 // Read
	case ClientChanged, PolicyChanged, ServerKey, KeyRebound, LogKey, ClockStep:
		return ocsfAPI, 3 // Update
	case ErasureDone:
		return ocsfAPI, 4 // Delete
	}
	return ocsfAPI, ocsfOther
}

// ocsfSeverity is 1, informational, but for what somebody should look at.
func ocsfSeverity(l *Leaf) int {
	switch l.Type {
	case ProofReplayed, KeyMismatch:
		return 4 // high: a copied proof or token
	case TokenRefused, TokenUseRefused, RefusalSummary, ClockStep:
		return 2 // low
	}
	return 1
}

func (e *ocsfExporter) event(m Match) ocsfEvent {
	l := &m.Leaf
	class, activity := ocsfClass(l)
	who := l.Token.Account
	if who == "" {
		who = l.Token.Client
	}
	if who == "" {
		who = e.origin // the log itself
	}
	v := ocsfEvent{Unmapped: ocsfUnmapped(m), ocsfBase: ocsfBase{
		Activity: activity, Category: class / 1000, Class: class, Type: class*100 + activity, Severity: ocsfSeverity(l), Status: 1,
		StatusDetail: l.Reason, Time: l.Time, Message: fmt.Sprintf("%s, entry %d of %s", l.Type, m.Index, e.origin),
		Metadata: ocsfMetadata{ocsfVersion, ocsfProduct{"Tenon", "Tenon"}, fmt.Sprintf("%s#%d", e.origin, m.Index), e.origin, string(l.Type)},
	}}
	if l.Outcome != OK {
		v.Status = 2
	}
	switch class {
	case ocsfAuthentication:
		v.User, v.Service, v.AuthProtocol = &ocsfUser{who}, &ocsfName{e.origin}, 6 // OAuth 2.0
	case ocsfAuthorize:
		v.User, v.Session = &ocsfUser{who}, &ocsfSession{fmt.Sprintf("%s#%d", e.origin, m.Index), l.Token.Expires * 1000}
		if v.Privileges = strings.Fields(l.Token.Scope); len(v.Privileges) == 0 {
			v.Privileges = []string{"(no scope)"}
		}
	default:
		v.Actor, v.API = &ocsfActor{ocsfUser{who}}, &ocsfAPICall{string(l.Type), ocsfName{e.origin}}
		v.Source = &ocsfName{who}
	}
	return v
}

// ocsfUnmapped carries the entry itself, and the detail record when it is the one that the entry commits to.
func ocsfUnmapped(m Match) map[string]any {
	unmapped := map[string]any{"leaf": json.RawMessage(m.Entry), "leaf_hash": leafHash(m.Entry).String()}
	if detail := event(m).Detail; detail != nil {
		unmapped["detail"] = detail
	}
	return unmapped
}
