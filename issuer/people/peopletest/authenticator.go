package peopletest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"sync"
)

// An Authenticator is a browser and an authenticator in one. It makes ES256 passkeys without attestation, and answers with the newest
// one that it has for the relying party. It may be used from many goroutines at once.
type Authenticator struct {
	// Origin is that of the page that the browser shows.
	Origin string
	// Synced makes new passkeys that can be copied between devices.
	Synced bool
	// Stateless makes passkeys that do not count their signatures, as synced ones do.
	Stateless bool
	// Edit changes an answer before it is signed. Nil changes nothing.
	Edit func(*Answer)

	mu       sync.Mutex
	passkeys []*passkey
}

type passkey struct {
	id, handle []byte
	rpID       string
	key        *ecdsa.PrivateKey
	synced     bool
	count      uint32
}

// New makes an Authenticator without passkeys, in a browser at the origin.
func New(origin string) *Authenticator { return &Authenticator{Origin: origin} }

// errExcluded is InvalidStateError: the authenticator holds a passkey of this person already.
var errExcluded = errors.New("peopletest: InvalidStateError: one of the excluded passkeys is here")

type descriptor struct {
	ID string `json:"id"`
}

// creationOptions is what Register reads of PublicKeyCredentialCreationOptionsJSON (Web Authentication Level 3 §5.1.8).
type creationOptions struct {
	RP        struct{ ID string }
	User      struct{ ID string }
	Challenge string
	Params    []struct{ Alg int64 } `json:"pubKeyCredParams"`
	Exclude   []descriptor          `json:"excludeCredentials"`
	Selection struct {
		ResidentKey      string
		UserVerification string
	} `json:"authenticatorSelection"`
}

// Register makes a passkey, as navigator.credentials.create does, and gives RegistrationResponseJSON.
func (a *Authenticator) Register(options []byte) ([]byte, error) {
	var o creationOptions
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(o.Params, func(p struct{ Alg int64 }) bool { return p.Alg == es256 }) || o.Selection.ResidentKey != "required" {
		return nil, errors.New("peopletest: NotSupportedError: this authenticator makes discoverable ES256 passkeys")
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &passkey{id: make([]byte, 32), handle: handle, rpID: o.RP.ID, key: key, synced: a.Synced}
	rand.Read(p.id)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holdsOneOf(o.Exclude) {
		return nil, errExcluded
	}
	answer := a.answer("webauthn.create", o.Challenge, o.Selection.UserVerification, p)
	answer.Flags |= attested
	answer.Algorithm = es256
	a.edit(answer)
	p.id = answer.Credential
	a.passkeys = append(a.passkeys, p)
	return answer.registration(p)
}

// registration is an answer without attestation (Web Authentication Level 3 §8.7).
func (a *Answer) registration(p *passkey) ([]byte, error) {
	public, err := coseKey(&p.key.PublicKey, a.Algorithm)
	if err != nil {
		return nil, err
	}
	credential := append(make([]byte, 16), byte(len(a.Credential)>>8), byte(len(a.Credential))) // an AAGUID of zeros: not told
	credential = append(append(credential, a.Credential...), public...)
	object := cborMap(
		cborText("fmt"), cborText("none"),
		cborText("attStmt"), cborMap(),
		cborText("authData"), cborBytes(a.authenticatorData(credential)))
	return a.response(map[string]any{"attestationObject": b64(object), "transports": []string{"internal"}})
}

// requestOptions is what Login reads of PublicKeyCredentialRequestOptionsJSON (Web Authentication Level 3 §5.1.9).
type requestOptions struct {
	RPID             string `json:"rpId"`
	Challenge        string
	UserVerification string
	Allow            []descriptor `json:"allowCredentials"`
}

// Login signs with a passkey, as navigator.credentials.get does, and gives AuthenticationResponseJSON.
func (a *Authenticator) Login(options []byte) ([]byte, error) {
	var o requestOptions
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.find(o)
	if p == nil {
		return nil, errors.New("peopletest: NotAllowedError: no passkey for " + o.RPID)
	}
	answer := a.answer("webauthn.get", o.Challenge, o.UserVerification, p)
	a.edit(answer)
	data := answer.authenticatorData(nil)
	hash := sha256.Sum256(answer.clientData())
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	key := p.key
	if answer.Forged {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	return answer.response(map[string]any{
		"authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(answer.Handle),
	})
}

// answer is what is said when nothing is wrong.
func (a *Authenticator) answer(kind, challenge, verification string, p *passkey) *Answer {
	flags := UserPresent
	if verification == "required" || verification == "preferred" {
		flags |= UserVerified
	}
	if p.synced {
		flags |= BackupEligible | BackedUp
	}
	if !a.Stateless {
		p.count++
	}
	return &Answer{
		Type: kind, Challenge: challenge, Origin: a.Origin, RPID: p.rpID, Flags: flags, Count: p.count,
		Handle: p.handle, Credential: p.id,
	}
}

func (a *Authenticator) edit(answer *Answer) {
	if a.Edit != nil {
		a.Edit(answer)
	}
}

// find gives the newest passkey that the options allow.
func (a *Authenticator) find(o requestOptions) *passkey {
	for _, p := range slices.Backward(a.passkeys) {
		allowed := len(o.Allow) == 0 || slices.Contains(o.Allow, descriptor{b64(p.id)})
		if p.rpID == o.RPID && allowed {
			return p
		}
	}
	return nil
}

func (a *Authenticator) holdsOneOf(list []descriptor) bool {
	return slices.ContainsFunc(a.passkeys, func(p *passkey) bool { return slices.Contains(list, descriptor{b64(p.id)}) })
}

// es256 is ECDSA on P-256 with SHA-256 (RFC 9053 §2.1).
const es256 = -7

// coseKey writes a public key (RFC 9053 §7.1.1).
func coseKey(key *ecdsa.PublicKey, algorithm int64) ([]byte, error) {
	point, err := key.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	return cborMap(
		cborInt(1), cborInt(2), // kty: EC2
		cborInt(3), cborInt(algorithm),
		cborInt(-1), cborInt(1), // crv: P-256
		cborInt(-2), cborBytes(point[1:33]),
		cborInt(-3), cborBytes(point[33:])), nil
}
