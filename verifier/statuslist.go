package verifier

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A statusList is one token status list (Token Status List §4, §5.1).
type statusList struct {
	subject string
	issuer  string // "" when absent
	issued  time.Time
	expires time.Time     // zero when absent
	ttl     time.Duration // 0 when absent
	bits    int           // of one status: 1, 2, 4 or 8
	lst     []byte        // decompressed
}

// maxStatuses bounds a decompressed list, in bytes: with one bit each, 32 million tokens.
const maxStatuses = 4 << 20

// parseStatusList reads the payload of a status list token.
func parseStatusList(payload []byte) (*statusList, error) {
	list := new(statusList)
	err := strictjson.Object(payload, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "sub":
			list.subject, err = v.Str()
		case "iss":
			list.issuer, err = v.Str()
		case "iat":
			list.issued, err = seconds(v)
		case "exp":
			list.expires, err = seconds(v)
		case "ttl":
			var n int64
			n, err = v.Int()
			list.ttl = time.Duration(min(max(n, 0), 1<<31)) * time.Second
		case "status_list":
			err = list.parse(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case list.subject == "" || list.issued.IsZero():
		return nil, errors.New("sub or iat is missing") // Token Status List §5.1
	case list.bits == 0 || list.lst == nil:
		return nil, errors.New("status_list is missing or incomplete") // Token Status List §4.2
	}
	return list, nil
}

func seconds(v strictjson.Value) (time.Time, error) {
	n, err := v.Int()
	if err != nil || n <= 0 {
		return time.Time{}, errors.New("not a positive whole number of seconds")
	}
	return time.Unix(n, 0), nil
}

// parse reads the status_list member.
func (l *statusList) parse(v strictjson.Value) error {
	return v.Object(func(name string, v strictjson.Value) error {
		switch name {
		case "bits":
			n, err := v.Int()
			if err != nil || n != 1 && n != 2 && n != 4 && n != 8 {
				return errors.New("bits is not 1, 2, 4 or 8") // Token Status List §4.2
			}
			l.bits = int(n)
		case "lst":
			text, err := v.Str()
			if err != nil {
				return err
			}
			compressed, err := decode(text)
			if err != nil {
				return fmt.Errorf("lst: %w", err)
			}
			l.lst, err = inflate(compressed)
			return err
		}
		return nil
	})
}

// inflate decompresses a list, and stops at maxStatuses.
func inflate(compressed []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("lst: %w", err)
	}
	lst, err := io.ReadAll(io.LimitReader(r, maxStatuses+1))
	if err != nil {
		return nil, fmt.Errorf("lst: %w", err)
	}
	if len(lst) > maxStatuses {
		return nil, fmt.Errorf("lst: larger than %d bytes", maxStatuses)
	}
	return lst, nil
}

// status gives the status at index; false when the list has no such index. Index 0 is in the least significant bits of the first
// byte (Token Status List §4.1).
func (l *statusList) status(index uint64) (byte, bool) {
	each := uint64(8 / l.bits)
	at := index / each
	if at >= uint64(len(l.lst)) {
		return 0, false
	}
	shift := index % each * uint64(l.bits)
	return l.lst[at] >> shift & byte(1<<l.bits-1), true
}
