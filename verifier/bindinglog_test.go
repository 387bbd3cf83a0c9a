package verifier_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
	"github.com/tenon-auth/tenon/verifier/verifiertest"
)

// askedLog is a binding log with one answer.
type askedLog struct {
	answer error
	asked  int
}

func (l *askedLog) Recorded(context.Context, []byte) error {
	l.asked++
	return l.answer
}

// loggedAPI gives an API that asks a log, and a way to call it with a token.
func loggedAPI(t *testing.T, log *askedLog) (call func(token string) error, issuer *verifiertest.Issuer, token string) {
	issuer = verifiertest.NewIssuer(t)
	config := issuer.Config(verifiertest.Audience)
	config.Log = log
	v := must(verifier.New(config))
	key := verifiertest.NewKey(t)
	return func(token string) error {
		r := must(v.NewRequest(issuer.Request(key, http.MethodGet, verifiertest.Audience+"/accounts", token)))
		_, err := v.Verify(t.Context(), r)
		return err
	}, issuer, issuer.Token(verifiertest.BoundTo(key))
}

// TestBindingLogIsAskedOnceForEachToken holds the order too: a token that this issuer did not sign is not asked about.
func TestBindingLogIsAskedOnceForEachToken(t *testing.T) {
	log := &askedLog{}
	call, issuer, token := loggedAPI(t, log)
	foreign := verifiertest.NewIssuer(t).Token(func(c *tenon.Claims) { c.Issuer = issuer.URL })
	if err := call(foreign); err == nil || log.asked != 0 {
		t.Fatalf("%v after %d questions", err, log.asked)
	}
	for range 3 {
		if err := call(token); err != nil {
			t.Fatal(err)
		}
	}
	if log.asked != 1 {
		t.Errorf("asked %d times about one token", log.asked)
	}
}

func TestBindingLogRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		answer error
		want   tenon.Code
	}{
		"not on the record":  {tenon.Refuse(tenon.InvalidToken, "unlogged", "not on the record"), tenon.InvalidToken},
		"it cannot be known": {errors.New("connection refused"), tenon.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			log := &askedLog{answer: tt.answer}
			call, _, token := loggedAPI(t, log)
			for range 2 { // the verdict is not remembered
				if err := call(token); !errors.Is(err, tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
			}
			if log.asked != 2 {
				t.Errorf("asked %d times", log.asked)
			}
		})
	}
}
