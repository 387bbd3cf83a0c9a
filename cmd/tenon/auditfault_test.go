package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/durable"
)

const (
	entriesFile = "log/tile/entries/000.p/14"
	hashesFile  = "log/tile/0/000.p/14"
)

// flip changes one bit in the middle of some text in a file.
func (s *auditStage) flip(name, text string) {
	s.t.Helper()
	data := []byte(s.read(name))
	at := bytes.Index(data, []byte(text))
	if at < 0 {
		s.t.Fatalf("%s has no %q", name, text)
	}
	data[at+len(text)/2] ^= 1
	s.replace(name, data)
}

// replace writes a file of the log, which the log itself would never write again.
func (s *auditStage) replace(name string, data []byte) {
	s.t.Helper()
	if err := durable.WriteFile(s.path(name), data, 0o644); err != nil { // at once: somebody may be reading
		s.t.Fatal(err)
	}
}

// entries are those of the log.
func (s *auditStage) entries() [][]byte {
	s.t.Helper()
	return must(audit.SplitEntries([]byte(s.read(entriesFile)), 14))(s.t)
}

// forge writes a log of its own with the log's real key over the one that is there: tiles, root and signature are all in order.
// So many witnesses are fooled or bribed.
func (s *auditStage) forge(entries [][]byte, witnesses int) {
	s.t.Helper()
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, hashes[i])
		}
		return found, nil
	})
	var bundle, row []byte
	for i, entry := range entries {
		hashes = append(hashes, must(tlog.StoredHashes(int64(i), entry, stored))(s.t)...)
		bundle = must(audit.AppendEntry(bundle, entry))(s.t)
		hash := tlog.RecordHash(entry)
		row = append(row, hash[:]...)
	}
	n := int64(len(entries))
	s.replace("log/"+audit.TilePath(audit.EntryTile(0, n)), bundle)
	s.replace("log/"+audit.TilePath(audit.HashTile(0, 0, n)), row)
	c := audit.Checkpoint{Origin: stageOrigin, Size: n, Root: must(tlog.TreeHash(n, stored))(s.t)}
	s.replace("log/checkpoint", s.signCheckpoint(c, s.signer, witnesses))
}

func (s *auditStage) signCheckpoint(c audit.Checkpoint, signer note.Signer, witnesses int) []byte {
	s.t.Helper()
	signed := must(note.Sign(&note.Note{Text: c.Format()}, signer))(s.t)
	if witnesses == 0 {
		return signed
	}
	return s.cosign(signed, witnesses)
}

// Each kind of tampering has its exit code, its name and its place, for people and for programs, and leaves evidence.
func TestAuditNamesTampering(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(s *auditStage)
		policy string // "" means two witnesses
		exit   int
		want   string
		path   string
	}{
		"a bit in an entry": {
			tamper: func(s *auditStage) { s.flip(entriesFile, `"t":"proof.replayed"`) },
			exit:   exitRefused, want: audit.LeafMismatch, path: "tile/entries/000.p/14",
		},
		"an entry that is no record": {
			tamper: func(s *auditStage) { s.forge(append(s.entries()[:13], []byte("{}")), 2) },
			exit:   exitRefused, want: audit.Malformed, path: "tile/entries/000.p/14",
		},
		"a bit in a tile of hashes": {
			tamper: func(s *auditStage) {
				data := []byte(s.read(hashesFile))
				data[40] ^= 1
				s.replace(hashesFile, data)
			},
			exit: exitRefused, want: audit.TileTorn, path: "tile/0/000.p/14",
		},
		"a tile that is gone": {
			tamper: func(s *auditStage) {
				if err := os.Remove(s.path(entriesFile)); err != nil {
					s.t.Fatal(err)
				}
			},
			exit: exitRefused, want: audit.TileTorn, path: "tile/entries/000.p/14",
		},
		"the tail cut, signed with the real key": {
			tamper: func(s *auditStage) { s.forge(s.entries()[:9], 0) },
			exit:   exitRefused, want: audit.Rollback, path: "archive/00000000000000000014",
		},
		"an entry rewritten, signed with the real key": {
			tamper: func(s *auditStage) {
				all := s.entries()
				all[3] = bytes.Replace(all[3], []byte("tpp-4711"), []byte("tpp-4712"), 1)
				s.forge(append(all, all[8]), 2)
			},
			exit: exitRefused, want: audit.Fork, path: "archive/00000000000000000004",
		},
		"a second history of the same size": {
			tamper: func(s *auditStage) {
				all := s.entries()
				slices.Reverse(all[12:])
				s.forge(all, 2)
			},
			exit: exitRefused, want: audit.SplitView, path: "archive/00000000000000000014",
		},
		"another log's checkpoint": {
			tamper: func(*auditStage) {},
			policy: "origin",
			exit:   exitRefused, want: audit.OriginMismatch, path: "checkpoint",
		},
		"a checkpoint by another key": {
			tamper: func(*auditStage) {},
			policy: "key",
			exit:   exitRefused, want: audit.UntrustedKey, path: "checkpoint",
		},
		"a witness short": {
			tamper: func(s *auditStage) {
				if err := os.RemoveAll(s.path("log/archive")); err != nil {
					s.t.Fatal(err)
				}
				s.forge(s.entries(), 1)
			},
			exit: exitStale, want: audit.QuorumNotMet, path: "checkpoint",
		},
		"dated last week": {
			tamper: func(s *auditStage) {
				all := s.entries()
				l := must(audit.ParseLeaf(all[13]))(s.t)
				l.Time -= 7 * 24 * 3600 * 1000
				s.forge(append(all, must(l.Bytes())(s.t)), 2)
			},
			exit: exitRefused, want: audit.TimeOutOfBounds, path: "tile/entries/000.p/15",
		},
		"a kept proof exchanged": {
			tamper: func(s *auditStage) { s.flip("log/openings/000", `"p":"eyJ0eXAi`) },
			exit:   exitRefused, want: audit.ProofInvalid, path: "tile/entries/000.p/14",
		},
		"openings erased": {
			tamper: func(s *auditStage) {
				if err := os.RemoveAll(s.path("log/openings")); err != nil {
					s.t.Fatal(err)
				}
			},
			exit: exitDone, want: audit.Redacted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAuditStage(t)
			s.audit("verify", "log", "-p", "policy").wants(t, exitDone)
			c.tamper(s)
			s.otherPolicy(c.policy)
			args := []string{"verify", "log", "-p", "policy", "--evidence", "kept"}
			out := s.audit(args...)
			out.wants(t, c.exit)
			if !strings.Contains(out.stdout, "found       "+c.want) {
				t.Errorf("it does not say %s:\n%s", c.want, out.stdout)
			}
			if strings.Contains(out.stdout, "clean:") != (c.exit == exitDone) {
				t.Errorf("clean or not:\n%s", out.stdout)
			}
			report := jsonOf[struct {
				Findings []audit.Finding
				Exit     int
			}](t, s.audit(append(args, "--json")...))
			i := slices.IndexFunc(report.Findings, func(f audit.Finding) bool { return f.Name == c.want && f.Path == c.path })
			if i < 0 || report.Exit != c.exit {
				t.Fatalf("want %s at %s, exit code %d: %+v", c.want, c.path, c.exit, report)
			}
			for _, path := range report.Findings[i].Evidence {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
			if len(report.Findings[i].Evidence) == 0 && c.exit == exitRefused {
				t.Error("there is no evidence")
			}
		})
	}
}

// otherPolicy makes the policy one of another log, or of the same one with another key.
func (s *auditStage) otherPolicy(what string) {
	s.t.Helper()
	origin := map[string]string{"origin": "as.bank.example/2025/as1", "key": stageOrigin}[what]
	if origin == "" {
		return
	}
	_, vkey, err := audit.GenerateKey(origin)
	if err != nil {
		s.t.Fatal(err)
	}
	s.save("policy", "log "+vkey+"\nquorum none\n")
}

// The other commands make nothing of a log that is not in order, and say what is wrong with it in the same words.
func TestAuditAnswersNothingFromABadLog(t *testing.T) {
	s := newAuditStage(t)
	s.flip(entriesFile, `"t":"proof.replayed"`)
	s.save("rs.jsonl", s.resourceServerList())
	for _, args := range []string{
		"find log -p policy",
		"timeline log -p policy --jkt " + s.jkt,
		"export log -p policy --format csv -o out.csv",
		"bundle log -p policy --all -o out.zip",
		"reconcile log -p policy --rs-log rs.jsonl",
		"tail log -p policy --once",
		"prove log -p policy -i 11",
	} {
		out := s.audit(strings.Fields(args)...)
		out.wants(t, exitRefused)
		if !strings.Contains(out.stderr, "LEAF_MISMATCH") && !strings.Contains(out.stderr, "MALFORMED") {
			t.Errorf("%s says %q", args, out.stderr)
		}
		document := jsonOf[struct {
			Findings []audit.Finding
			Exit     int
		}](t, s.audit(append(strings.Fields(args), "--json")...))
		if document.Exit != exitRefused || len(document.Findings) != 1 {
			t.Errorf("%s --json: %+v", args, document)
		}
	}
	for _, name := range []string{"out.csv", "out.zip"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

// One bit in a bundle is found with the number of the entry and the file.
func TestAuditFindsABitInABundle(t *testing.T) {
	s := newAuditStage(t)
	s.audit("bundle", "log", "-p", "policy", "--all", "-o", "evidence.zip").wants(t, exitDone)
	s.audit("verify", "evidence.zip", "-p", "policy").wants(t, exitDone)
	s.flip("evidence.zip", `"t":"proof.replayed"`)
	out := s.audit("verify", "evidence.zip", "-p", "policy")
	out.wants(t, exitRefused)
	if !strings.Contains(out.stdout, "LEAF_MISMATCH entry 11, entries/00000000000000000011.json") {
		t.Errorf("%s", out.stdout)
	}
	report := jsonOf[struct {
		Findings []audit.Finding
		Exit     int
	}](t, s.audit("verify", "evidence.zip", "-p", "policy", "--json"))
	if report.Exit != exitRefused || len(report.Findings) != 1 || report.Findings[0].Index != 11 {
		t.Errorf("%+v", report)
	}
}

// Two checkpoints that cannot be of one history convict the log, from files alone when they are of one size.
func TestAuditConvicts(t *testing.T) {
	s := newAuditStage(t)
	s.save("mine", s.read("log/checkpoint"))
	s.save("early", s.read("log/archive/00000000000000000004"))
	all := s.entries()
	all[2], all[3] = all[3], all[2]
	s.forge(all, 0)
	s.save("yours", s.read("log/checkpoint"))
	for args, want := range map[string]string{
		"mine yours": audit.SplitView,
		"early log":  audit.Fork,
		"log early":  audit.Fork,
	} {
		out := s.audit(append([]string{"consistency", "-p", "policy"}, strings.Fields(args)...)...)
		out.wants(t, exitRefused)
		if !strings.Contains(out.stdout, want) || !strings.Contains(out.stdout, "tenon-evidence/"+want) {
			t.Errorf("%s: want %s with evidence:\n%s", args, want, out.stdout)
		}
	}
	s.audit("consistency", "mine", "mine", "-p", "policy").wants(t, exitDone)
	s.audit("consistency", "mine", "early", "-p", "policy").wants(t, exitFailed, "tiles")
	s.save("broken", "nothing")
	s.audit("consistency", "mine", "broken", "-p", "policy").wants(t, exitRefused)
	s.audit("consistency", "mine", "none", "-p", "policy").wants(t, exitFailed)
	s.audit("consistency", "mine", "-p", "policy").wants(t, exitUsage)
}

// Of two logs the larger one has the tiles.
func TestAuditComparesTwoLogs(t *testing.T) {
	s := newAuditStage(t)
	if err := os.CopyFS("copy", os.DirFS("log")); err != nil {
		t.Fatal(err)
	}
	s.log(audit.Entry{Type: audit.LogHeartbeat})
	s.publish(2)
	for _, args := range []string{"log copy", "copy log"} {
		s.audit(append([]string{"consistency", "-p", "policy"}, strings.Fields(args)...)...).wants(t, exitDone)
	}
}

// Between two runs of tail a rewritten or shortened log is found out too.
func TestAuditTailRemembers(t *testing.T) {
	s := newAuditStage(t)
	tail := []string{"tail", "log", "-p", "policy", "--once", "--seen", "seen"}
	s.audit(tail...).wants(t, exitDone)
	s.log(audit.Entry{Type: audit.LogHeartbeat})
	s.publish(2)
	out := s.audit(tail...)
	out.wants(t, exitDone)
	if !strings.Contains(out.stdout, "size 15") || !strings.Contains(out.stdout, "extends size 14") {
		t.Errorf("%s", out.stdout)
	}
	all := must(audit.SplitEntries([]byte(s.read("log/tile/entries/000.p/15")), 15))(t)
	before := s.read("seen")
	s.forge(all[:10], 2)
	s.audit(tail...).wants(t, exitRefused, "ROLLBACK")
	all[1], all[2] = all[2], all[1]
	s.forge(append(all, all[8]), 2)
	s.audit(tail...).wants(t, exitRefused, "FORK")
	if s.read("seen") != before {
		t.Error("a bad checkpoint was remembered")
	}
}
