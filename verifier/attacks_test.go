package verifier_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-auth/tenon/verifier"
)

// attackIDs is the list of attacks that a verifier must withstand, by group: HTTP, JOSE, signatures, keys, claims, URLs, time, replay,
// nonces, binding, access tokens, mutual TLS, opaque tokens, exhaustion.
const attackIDs = `
H01 H02 H03 H04 H05 H07 H08 H10 H12 H13 H14 H15
J01 J02 J03 J05 J06 J07 J08 J09 J10 J11 J12 J14 J15 J16 J18 J20 J21 J22 J23 J24 J25
S01 S02 S03 S04 S05 S06 S07 S09 S10 S12 S13 S14
K01 K02 K04 K05 K06 K09 K10 K11
C01 C02 C03 C04 C05 C06 C07 C08 C09 C11 C13 C14
U01 U02 U03 U04 U06 U07 U09 U10 U12 U13 U14 U15 U16 U17
T01 T02 T03 T04 T06 T08
R01 R02 R03 R04 R06 R07 R09 R10 R11 R12 R13
N01 N02 N03 N05 N07 N08 N09 N10 N11
B01 B02 B03 B04 B05 B08 B09 B10 B11 B12 B13
A01 A02 A03 A05 A06 A08 A09 A10 A11 A12 A13 A14 A15
M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M13
O01 O02 O03 O04 O05 O06 O07 O08 O09 O10 O11 O12 O13 O14 O15
X01 X02 X03 X04 X05 X06 X08 X10 X11
`

// elsewhere names the test that covers an attack which is no request to a verifier: "file: test". Some have a file besides.
var elsewhere = map[string]string{
	"H15": "challenge_test.go: TestSmuggledRequest",
	"S14": "verify_test.go: TestEveryBitOfATokenCounts",
	"R02": "verify_test.go: TestOneOfTenThousand",
	"N07": "../dpop/nonce_test.go: TestNonceForged",
	"N09": "../dpop/transport_test.go: TestTransportAnswersANonceChallengeOnce",
	"A08": "remotekeys_test.go: TestRandomKeyIDs",
	"A09": "remotekeys_test.go: TestHostileKeySets",
	"A10": "remotekeys_test.go: TestStaleWhileError",
	"A13": "statuslist_test.go: TestTheStatedDelay",
	"A14": "challenge_test.go: TestRequire",
	"A15": "verify_test.go: TestVerifyGivesNoAccessWithAnError",
	"M08": "../mtls/config_test.go: TestResumptionStaysInItsConfiguration",
	"M09": "../mtls/config_test.go: TestNobodyRenegotiates",
	"X01": "verify_test.go: TestRefusedRequestsLeaveNothingBehind",
	"X02": "../dpop/check_test.go: TestReplayKeysDiffer",
	"X06": "../dpop/noncejar_test.go: TestNonceJarIsBounded",
	"X08": "../dpop/key_test.go: TestKeyFileRefused",
	"X10": "../dpop/clock_test.go: TestClock",
	"X04": "challenge_test.go: TestABadTokenIsAnsweredAlikeWhateverTheProof",
}

// TestEveryAttackIsCovered holds the list, the files and the named tests together.
func TestEveryAttackIsCovered(t *testing.T) {
	have := map[string]bool{}
	for name, a := range loadAttacks(t) {
		if !strings.HasPrefix(name, a.ID+"-") {
			t.Errorf("%s has the id %s: a file is named for its id", name, a.ID)
		}
		have[a.ID] = true
	}
	for id, test := range elsewhere {
		file, function, _ := strings.Cut(test, ": ")
		source, err := os.ReadFile(file)
		if err != nil || !regexp.MustCompile(`(?m)^func `+function+`\(`).Match(source) {
			t.Errorf("%s should be covered by %s in %s, which is not there", id, function, file)
		}
		have[id] = true
	}
	listed := strings.Fields(attackIDs)
	for _, id := range listed {
		if !have[id] {
			t.Errorf("%s has neither a file nor a named test", id)
		}
	}
	for id := range have {
		if !slices.Contains(listed, id) {
			t.Errorf("%s is not in the list", id)
		}
	}
}

// TestAttacks plays every attack on the core and on the middleware over TLS. Both must give the verdict of the file.
func TestAttacks(t *testing.T) {
	attacks := loadAttacks(t)
	for _, front := range []struct {
		name string
		ask  front
	}{
		{"core", core},
		{"middleware", overTLS(t)},
	} {
		for _, file := range slices.Sorted(maps.Keys(attacks)) {
			t.Run(front.name+"/"+strings.TrimSuffix(file, ".json"), func(t *testing.T) {
				play(newStage(t, attacks[file].Config), attacks[file], front.ask)
			})
		}
	}
}

// play plays one attack, and then a good request: a stage on which nothing works would refuse every attack too.
func play(s *stage, a attack, ask front) {
	for i, step := range a.Steps {
		now, err := step.at()
		if err != nil {
			s.t.Fatal(err)
		}
		s.setClock(now)
		if step.Before == "restart" {
			s.restart()
		}
		p, err := s.present(step.Request)
		if err != nil {
			s.t.Fatal(err)
		}
		s.sent = append(s.sent, p)
		s.observe(s.t.Context(), verifier.Event{}) // what is seen later is of this step
		s.playStep(i+1, step, func() verdict { return ask(s, step.Verifier, p) })
	}
	if (a.Config == attackConfig{} || a.Config == attackConfig{Origin: a.Config.Origin}) {
		p, err := s.present(attackRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		if got := ask(s, 0, p); !got.accepted {
			s.t.Errorf("after the attack a good request got %+v: %v", got, s.lastEvent().Err)
		}
	}
}

// playStep sends the request of a step, once or many times at once, and compares the verdicts.
func (s *stage) playStep(number int, step attackStep, send func() verdict) {
	want := verdict{step.Expect.Accept, step.Expect.Status, step.Expect.Error, step.Expect.Check}
	if step.Parallel == 0 {
		s.compare(number, step.Expect, send(), want)
		return
	}
	verdicts := make([]verdict, step.Parallel)
	var all sync.WaitGroup
	for i := range verdicts {
		all.Go(func() { verdicts[i] = send() })
	}
	all.Wait()
	accepted := 0
	for _, got := range verdicts {
		if got.accepted {
			accepted++
			continue
		}
		got.check = want.check // the event seen may be that of another one
		s.compare(number, step.Expect, got, want)
	}
	if accepted != step.Expect.Accepted {
		s.t.Errorf("step %d: %d were accepted, want %d", number, accepted, step.Expect.Accepted)
	}
}

// compare compares a verdict with the expected one, as far as the front can tell it.
func (s *stage) compare(number int, expect attackExpect, got, want verdict) {
	switch {
	case got.status == 0: // the core
		want.status = 0
	case expect.NetHTTP != 0:
		want = verdict{status: expect.NetHTTP}
		got.error, got.check = "", ""
	case want.accepted:
		want.status = 200
	}
	if got != want {
		s.t.Errorf("step %d: got %+v, want %+v: %v", number, got, want, s.lastEvent().Err)
	}
}
