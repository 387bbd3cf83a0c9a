package demo_test

import (
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/demo"
)

// One change at a time to a good outcome: each must be blamed, and the good ones must not.
func TestJudge(t *testing.T) {
	attack := demo.Wanted{Status: 401, Code: tenon.InvalidToken, Check: "jkt"}
	honest := demo.Wanted{Status: 201}
	intact := demo.Wanted{Finding: "clean"}
	altered := demo.Wanted{Finding: "LEAF_MISMATCH"}
	for name, c := range map[string]struct {
		want demo.Wanted
		got  demo.Outcome
		good bool
	}{
		"refused as it must be":       {attack, demo.Outcome{Status: 401, Code: tenon.InvalidToken, Check: "jkt"}, true},
		"answered as it must be":      {honest, demo.Outcome{Status: 201}, true},
		"an attack accepted":          {attack, demo.Outcome{Status: 201}, false},
		"an attack accepted with 200": {attack, demo.Outcome{Status: 200, Code: tenon.InvalidToken, Check: "jkt"}, false},
		"another status":              {attack, demo.Outcome{Status: 400, Code: tenon.InvalidToken, Check: "jkt"}, false},
		"another code":                {attack, demo.Outcome{Status: 401, Code: tenon.InvalidDPoPProof, Check: "jkt"}, false},
		"another check":               {attack, demo.Outcome{Status: 401, Code: tenon.InvalidToken, Check: "iat"}, false},
		"no check":                    {attack, demo.Outcome{Status: 401, Code: tenon.InvalidToken}, false},
		"no code":                     {attack, demo.Outcome{Status: 401}, false},
		"a fault of the server":       {attack, demo.Outcome{Status: 500}, false},
		"an honest call refused":      {honest, demo.Outcome{Status: 401, Code: tenon.InvalidToken, Check: "jkt"}, false},
		"an honest call, other":       {honest, demo.Outcome{Status: 200}, false},
		"an honest call unanswered":   {honest, demo.Outcome{Status: 503}, false},
		"a log in order":              {intact, demo.Outcome{Finding: "clean"}, true},
		"a log that is not":           {intact, demo.Outcome{Finding: "LOGGING_GAP"}, false},
		"a log nobody looked at":      {intact, demo.Outcome{}, false},
		"tampering named":             {altered, demo.Outcome{Finding: "LEAF_MISMATCH"}, true},
		"tampering not found":         {altered, demo.Outcome{Finding: "clean"}, false},
		"tampering named otherwise":   {altered, demo.Outcome{Finding: "TILE_TORN"}, false},
		"another entry blamed":        {altered, demo.Outcome{Finding: "LEAF_MISMATCH in the wrong place"}, false},
	} {
		if fault := demo.Judge(c.want, c.got); (fault == "") != c.good {
			t.Errorf("%s: judged %q", name, fault)
		}
	}
}
