package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditVerifyToken verifies one token against its entry.
type auditVerifyToken struct {
	log                     logFlags
	proofs                  proofFlags
	where                   string
	receipt, entry, opening string
	jwks                    string
	level                   int
	evidence                *string
}

func newAuditVerifyTokenCommand() *cobra.Command {
	var k auditVerifyToken
	cmd := &cobra.Command{
		Use:   "verify-token TOKEN",
		Short: "Verify that a token was issued on the record, with the claims, the key and the proof that the record has",
		Long: `Verify one access token: it names an entry of the log, the entry is proved to be in it, and what the entry says is what the
token says: its claims, its key, and the DPoP proof that its client gave. A token that was made with a stolen signing key
has no such entry.

TOKEN is a file, or - for standard input: a command line can be read by others. Offline, give --receipt and --entry, as
tenon audit prove writes them, and --opening if there is one; or --log with an evidence bundle or the log itself.`,
		Example: `  tenon audit verify-token token --policy tlog-policy --receipt receipt --entry entry.json --opening opening.json
  tenon audit verify-token token --policy tlog-policy --log evidence.zip --jwks issuer-jwks.json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: k.run,
	}
	k.log.register(cmd)
	k.proofs.register(cmd)
	k.evidence = evidenceFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&k.where, "log", "", "the log, or an evidence `bundle`, where receipt, entry and opening are looked up")
	flags.StringVarP(&k.receipt, "receipt", "r", "", "`file` with the receipt")
	flags.StringVar(&k.entry, "entry", "", "`file` with the exact bytes of the entry")
	flags.StringVar(&k.opening, "opening", "", "`file` with the entry's opening")
	flags.StringVar(&k.jwks, "jwks", "", "`file` with the issuer's keys (JWK Set), to verify the token's own signature")
	flags.IntVar(&k.level, "level", 0, "what the receipt must reach: 1 signed by the log, 2 cosigned by a quorum (default: 2 when the policy has one)")
	return cmd
}

func (k *auditVerifyToken) run(cmd *cobra.Command, args []string) error {
	c, err := k.given(cmd, args[0])
	if err != nil {
		return usageError(err)
	}
	if k.where == "" {
		if c.Receipt == nil || c.Entry == nil {
			return usageError(errors.New("give --receipt and --entry, or --log to look them up"))
		}
		return k.verify(cmd.Context(), cmd, c)
	}
	return k.log.with(cmd, []string{k.where}, func(ctx context.Context, o *openLog) error {
		c.Source = o.source
		if o.isBundle(ctx) {
			if err := k.fromBundle(ctx, o, &c); err != nil {
				return err
			}
		}
		return k.verify(ctx, cmd, c)
	})
}

// given reads what the command line names.
func (k *auditVerifyToken) given(cmd *cobra.Command, token string) (audit.TokenConfig, error) {
	c := audit.TokenConfig{Proofs: k.proofs.rules(), Evidence: *k.evidence, Level: audit.Level(k.level)}
	if k.level < 0 || k.level > int(audit.L2) {
		return c, errors.New("--level is 1 or 2")
	}
	if strings.Count(token, ".") == 2 && strings.HasPrefix(token, "ey") {
		return c, errors.New("give the token in a file, or with - on standard input: a command line can be read by others")
	}
	policy, _, err := k.log.policy()
	if err != nil {
		return c, err
	}
	c.Policy = policy
	text, err := readNamed(token, cmd.InOrStdin(), maxToken)
	if err != nil {
		return c, fmt.Errorf("the token: %w", err)
	}
	if c.Token = strings.TrimSpace(string(text)); c.Token == "" {
		return c, errors.New("there is no token in it")
	}
	if c.Receipt, err = readOptional("--receipt", k.receipt); err != nil {
		return c, err
	}
	if c.Entry, err = readOptional("--entry", k.entry); err != nil {
		return c, err
	}
	if c.Opening, err = readOpening(k.opening); err != nil {
		return c, err
	}
	c.CheckSignature, err = signatureCheck(k.jwks)
	return c, err
}

func readOptional(flag, name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readNamed(name, strings.NewReader(""), maxSignedCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return data, nil
}

func readOpening(name string) (*audit.Opening, error) {
	data, err := readOptional("--opening", name)
	if data == nil || err != nil {
		return nil, err
	}
	all, err := audit.ParseOpenings(data)
	if err != nil || len(all) != 1 {
		return nil, errors.Join(fmt.Errorf("--opening: %s is not the opening of one entry", name), err)
	}
	return &all[0], nil
}

// signatureCheck verifies tokens with the keys in a file. No file, no check.
func signatureCheck(name string) (func(string) error, error) {
	data, err := readOptional("--jwks", name)
	if data == nil || err != nil {
		return nil, err
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(data, &keys); err != nil || len(keys.Keys) == 0 {
		return nil, fmt.Errorf("--jwks: %s is not a JWK Set", name)
	}
	return func(token string) error {
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
		if err != nil {
			return err
		}
		_, err = signed.Verify(keys)
		return err
	}, nil
}

// fromBundle takes from an evidence bundle what was not given, by the index in the token. What is missing is left to be missed.
func (k *auditVerifyToken) fromBundle(ctx context.Context, o *openLog, c *audit.TokenConfig) error {
	c.Source = nil // a bundle has no tiles
	index := indexIn(c.Token)
	read := func(dir, suffix string) ([]byte, error) {
		data, err := o.source.ReadFile(ctx, fmt.Sprintf("%s/%020d%s", dir, index, suffix))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return data, err
	}
	var errs [3]error
	if c.Entry == nil {
		c.Entry, errs[0] = read("entries", ".json")
	}
	if c.Receipt == nil {
		c.Receipt, errs[1] = read("receipts", ".tlog-proof")
	}
	if c.Opening == nil {
		var data []byte
		if data, errs[2] = read("openings", ".json"); data != nil {
			if all, err := audit.ParseOpenings(data); err == nil && len(all) == 1 {
				c.Opening = &all[0]
			}
		}
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if c.Entry == nil || c.Receipt == nil {
		return fmt.Errorf("the bundle has not the entry %d that the token names: make one that has it, or use the log", index)
	}
	return nil
}

// indexIn is the entry that a token names, as far as it can be read; what it is worth is decided later.
func indexIn(token string) uint64 {
	payload := []byte(token)
	if parts := strings.Split(token, "."); len(parts) == 3 {
		payload, _ = base64.RawURLEncoding.DecodeString(parts[1])
	}
	var claims struct {
		Log struct {
			Index uint64 `json:"i"`
		} `json:"tlog"`
	}
	_ = json.Unmarshal(payload, &claims)
	return claims.Log.Index
}

func (k *auditVerifyToken) verify(ctx context.Context, cmd *cobra.Command, c audit.TokenConfig) error {
	r, err := audit.VerifyToken(ctx, c)
	if err != nil {
		return err
	}
	document := struct {
		*audit.TokenReport
		Exit int `json:"exit"`
	}{r, r.Exit()}
	if err := concluded(cmd, k.log.asJSON, document, func(p auditview.Page) { p.Token(r) }); err != nil {
		return err
	}
	return verdict(r.Exit(), r.Findings)
}
