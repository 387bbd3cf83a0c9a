package audit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
)

// DemandConfig says what a resource server asks of tokens.
type DemandConfig struct {
	// Policy says whose signatures count. Required.
	Policy *Policy
	// URL is where the log is, up to but without /log/: the issuer. Required.
	URL string
	// Level is what a receipt must reach. L2 makes a token wait for the witnesses. Required.
	Level Level
	// HTTP fetches entries. Nil means a client of its own with a time limit.
	HTTP *http.Client
}

// A Demand lets only tokens pass that are on the record: it fetches the entry that a token names, with its receipt, and compares
// it with the token. It keeps nothing; a verifier remembers the verdict with the token. NewDemand makes one.
type Demand struct{ c DemandConfig }

// NewDemand checks the configuration.
func NewDemand(c DemandConfig) (*Demand, error) {
	var faults []error
	if c.Policy == nil {
		faults = append(faults, errors.New("audit: DemandConfig.Policy is required"))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		faults = append(faults, fmt.Errorf("audit: DemandConfig.URL %q: write the https URL of the issuer", c.URL))
	}
	if c.Level != L1 && c.Level != L2 {
		faults = append(faults, errors.New("audit: DemandConfig.Level is required: L1 or L2"))
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Demand{c}, errors.Join(faults...)
}

// Recorded returns nil when the token with these claims is on the record. A *tenon.Error refuses it, with the finding as its
// cause; any other error says that it could not be told.
func (d *Demand) Recorded(ctx context.Context, payload []byte) error {
	var claims tenon.Claims
	if err := claims.UnmarshalJSON(payload); err != nil {
		return unlogged(err)
	}
	if claims.Log == nil {
		return unlogged(found(UnloggedToken, -1, "the token names no entry of a log (claim tlog)"))
	}
	digest, err := ClaimsDigest(payload)
	if err != nil {
		return unlogged(err)
	}
	entry, receipt, err := d.fetch(ctx, claims.Log.Index, digest)
	if err != nil {
		return err
	}
	report, err := VerifyToken(ctx, TokenConfig{Policy: d.c.Policy, Token: string(payload), Entry: entry, Receipt: receipt, Level: d.c.Level})
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		switch f.Exit() {
		case ExitClean: // what the salts would show is the auditors' to see
		case ExitStale: // the witnesses have not seen it yet
			return &f
		default:
			return unlogged(&f)
		}
	}
	return nil
}

func unlogged(cause error) error {
	return tenon.Refuse(tenon.InvalidToken, "unlogged", "the token is not on the record of its issuer").Because(cause)
}

// maxRecorded bounds an answer.
const maxRecorded = 2*MaxLeaf + 2*maxReceipt

// fetch asks the issuer for the entry and its receipt.
func (d *Demand) fetch(ctx context.Context, index uint64, digest string) (entry, receipt []byte, err error) {
	address := strings.TrimSuffix(d.c.URL, "/") + "/log/entry/" + strconv.FormatUint(index, 10) + "?claims=" + url.QueryEscape(digest)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := d.c.HTTP.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("audit: the log cannot be asked: %w", err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil, unlogged(found(UnloggedToken, int64(index), "the log has no entry %d for this token", index))
	default:
		return nil, nil, fmt.Errorf("audit: the log answered %s", answer.Status)
	}
	var body recorded
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxRecorded)).Decode(&body); err != nil {
		return nil, nil, fmt.Errorf("audit: the log's answer: %w", err)
	}
	if entry, err = base64.RawURLEncoding.DecodeString(body.Entry); err != nil {
		return nil, nil, fmt.Errorf("audit: the log's answer: %w", err)
	}
	return entry, []byte(body.Receipt), nil
}
