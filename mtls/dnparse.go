package mtls

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ParseDN reads a distinguished name in the string form of RFC 4514, most specific RDN first:
//
//	CN=payments.example.com,OU=Open Banking+serialNumber=42,2.5.4.97=PSDBR-BCB-12345,O=Example Bank S.A.,C=BR
//
// Types are short names in any case or dotted OIDs, with or without "OID." in front. Values are text with \, and \2C escapes,
// or "#" and the hexadecimal DER of a value. Unescaped spaces around a separator are ignored. The older forms with quotes,
// semicolons or slashes are refused, and so is a name of no RDN, because it would be everybody's.
func ParseDN(s string) (DN, error) {
	if len(s) > maxDNSize {
		return DN{}, fmt.Errorf("mtls: a DN of %d bytes; at most %d are read", len(s), maxDNSize)
	}
	p := dnParser{rest: s}
	d, err := p.name()
	if err != nil {
		return DN{}, fmt.Errorf("mtls: DN, at byte %d: %w", len(s)-len(p.rest), err)
	}
	return d, nil
}

// A dnParser holds what of the text has not been read.
type dnParser struct {
	rest string
}

func (p *dnParser) name() (DN, error) {
	var d DN
	for {
		r, err := p.rdn()
		if err != nil {
			return DN{}, err
		}
		d.rdns = append(d.rdns, r)
		if !p.accept(',') {
			break
		}
	}
	if p.rest != "" {
		return DN{}, fmt.Errorf("%q must be escaped with a backslash", p.rest[:1])
	}
	return d, nil
}

func (p *dnParser) rdn() (rdn, error) {
	var r rdn
	for {
		a, err := p.attribute()
		if err != nil {
			return nil, err
		}
		r = append(r, a)
		if !p.accept('+') {
			return r.sorted(), nil
		}
	}
}

func (p *dnParser) attribute() (attribute, error) {
	name, rest, found := strings.Cut(p.rest, "=")
	if !found || strings.ContainsAny(name, `,+"\;<>#`) {
		return attribute{}, errors.New("a type, = and a value are expected, as in CN=value")
	}
	oid, err := typeOID(strings.Trim(name, " "))
	if err != nil {
		return attribute{}, err
	}
	p.rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(p.rest, "#") {
		return p.hexValue(oid)
	}
	text, err := p.text()
	if err != nil {
		return attribute{}, err
	}
	return newTextAttribute(oid, text)
}

// accept takes c when it comes next.
func (p *dnParser) accept(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// text reads a value up to a separator that is not escaped (RFC 4514 §3, string). Spaces at its end are kept when escaped.
func (p *dnParser) text() (string, error) {
	var b strings.Builder
	keep := 0 // how much of b stands when the spaces at the end are dropped
	for p.rest != "" {
		c := p.rest[0]
		if strings.IndexByte(`,+";<>`, c) >= 0 {
			break
		}
		p.rest = p.rest[1:]
		if c == '\\' {
			escaped, err := p.escaped()
			if err != nil {
				return "", err
			}
			c = escaped
			keep = b.Len() + 1
		}
		b.WriteByte(c)
		if c != ' ' {
			keep = b.Len()
		}
	}
	return b.String()[:keep], nil
}

// escaped reads what follows a backslash: one of the special characters or two hexadecimal digits (RFC 4514 §3, pair).
func (p *dnParser) escaped() (byte, error) {
	if p.rest != "" && strings.IndexByte(`"+,;<>\ #=`, p.rest[0]) >= 0 {
		c := p.rest[0]
		p.rest = p.rest[1:]
		return c, nil
	}
	if len(p.rest) >= 2 {
		if b, err := hex.DecodeString(p.rest[:2]); err == nil {
			p.rest = p.rest[2:]
			return b[0], nil
		}
	}
	return 0, errors.New(`a backslash must stand before one of "+,;<>\ #= or two hexadecimal digits`)
}

// hexValue reads "#" and a DER element in hexadecimal (RFC 4514 §3, hexstring).
func (p *dnParser) hexValue(oid string) (attribute, error) {
	digits := p.rest[1:]
	if end := strings.IndexAny(digits, ",+"); end >= 0 {
		digits = digits[:end]
	}
	der, err := hex.DecodeString(strings.TrimRight(digits, " "))
	if err != nil {
		return attribute{}, errors.New("# must be followed by pairs of hexadecimal digits")
	}
	var value asn1.RawValue
	rest, err := asn1.Unmarshal(der, &value)
	if err != nil || len(rest) > 0 {
		return attribute{}, errors.New("what # introduces is not one DER element")
	}
	p.rest = p.rest[1+len(digits):]
	return newAttribute(oid, value)
}

func typeOID(name string) (string, error) {
	if name == "" {
		return "", errors.New("a type is missing before =")
	}
	if oid := namedOID(name); oid != "" {
		return oid, nil
	}
	oid := name
	if len(name) > 4 && strings.EqualFold(name[:4], "OID.") {
		oid = name[4:]
	}
	if !isDottedOID(oid) {
		return "", fmt.Errorf("the attribute type %q is not known; write its OID in dotted form", name)
	}
	return oid, nil
}

// isDottedOID holds s to numericoid (RFC 4512 §1.4), so that one type has one spelling.
func isDottedOID(s string) bool {
	arcs := strings.Split(s, ".")
	for _, arc := range arcs {
		if arc == "" || (len(arc) > 1 && arc[0] == '0') || strings.Trim(arc, "0123456789") != "" {
			return false
		}
	}
	return len(arcs) >= 2
}
