package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/mtls"
)

// A shopfront is a web shop that people can open in a browser: it sends them to the issuer to log in and to approve a payment,
// pays with the token it gets, and shows what that token is. It is a client of the issuer like any other web application.
type shopfront struct {
	stage    *stage
	client   *client.Client
	listener net.Listener
	server   *http.Server
	origin   string
	password string // of the one person

	mu     sync.Mutex
	visits map[string]*visit // by cookie
}

// A visit is one browser: the login it has under way, and what came of it.
type visit struct {
	attempt *client.Attempt
	paid    *receipt
	fault   string
}

// The person who shops.
const shopper = "alice"

// mostVisits bounds what strangers can make the shop remember.
const mostVisits = 256

// openShopfront takes an address, before anything is configured: the issuer must know where people come back to.
func openShopfront() (*shopfront, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &shopfront{listener: l, origin: "https://" + l.Addr().String(), visits: map[string]*visit{}}, nil
}

func (f *shopfront) callback() string { return f.origin + "/callback" }

// start serves the shop, once the issuer runs.
func (f *shopfront) start(ctx context.Context, s *stage) (err error) {
	f.stage = s
	if f.password, err = admitShopper(ctx, s.issuer.data); err != nil {
		return fmt.Errorf("the demo's person: %w", err)
	}
	f.client, err = client.New(client.Config{
		Issuer: s.cast.Issuer, ClientID: frontID, RootCAs: s.roots, Resource: []string{s.cast.API},
		Key: s.frontKey, Assertion: assertion(s.frontAssertion), Scope: tenon.Scope{"openid", "profile", "payments"},
	})
	if err != nil {
		return err
	}
	leaf, err := certs.NewReloader(s.path(certsDir, serverCert), s.path(certsDir, serverKey), nil)
	if err != nil {
		return err
	}
	f.server = &http.Server{
		Handler:           f.handler(),
		TLSConfig:         mtls.ServerConfig(mtls.ServerOptions{GetCertificate: leaf.GetCertificate}),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: patience, IdleTimeout: time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       silent(),
	}
	go f.server.ServeTLS(f.listener, "", "") // it ends with close
	return nil
}

// admitShopper makes sure that the person is there, with a password that nobody has known before.
func admitShopper(ctx context.Context, data string) (password string, err error) {
	desk, err := admin.Dial(ctx, data)
	if err != nil {
		return "", err
	}
	password = rand.Text()
	_, err = desk.AddPerson(ctx, people.Person{Username: shopper, Profile: people.Profile{Name: "Alice Adler"}}, password)
	if errors.Is(err, people.ErrExists) { // a folder of an earlier demo
		err = desk.SetPassword(ctx, shopper, password)
	}
	return password, err
}

func (f *shopfront) close() error {
	if f.server == nil {
		return f.listener.Close()
	}
	return f.server.Close()
}

// buy sends the person to the issuer, with the payment to approve.
func (f *shopfront) buy(ctx context.Context, v *visit) (address string, err error) {
	attempt, err := f.client.Begin(ctx, client.Login{RedirectURI: f.callback(), Details: f.payment()})
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v.attempt, v.paid, v.fault = attempt, nil, ""
	return attempt.Address, nil
}

// payment is what the person is asked to approve (RFC 9396).
func (f *shopfront) payment() json.RawMessage {
	details, err := json.Marshal([]any{map[string]any{
		"type": "payment_initiation", "instructedAmount": map[string]string{"currency": "EUR", "amount": "12.50"},
		"creditorName": "Paper & Peg, stationers", "creditorAccount": map[string]string{"iban": "DE02120300000000202051"},
		"remittanceInformationUnstructured": "One ream of paper", "actions": []string{"initiate"}, "locations": []string{f.stage.cast.API},
	}})
	if err != nil {
		panic(err) // texts only
	}
	return details
}

// settle takes the answer that the browser brought, gets the token and pays with it, while somebody reads along.
func (f *shopfront) settle(ctx context.Context, v *visit, r *http.Request) (*receipt, error) {
	f.mu.Lock()
	attempt := v.attempt
	v.attempt = nil // it works once
	f.mu.Unlock()
	if attempt == nil {
		return nil, errors.New("no payment was begun in this browser, or it was finished already")
	}
	session, err := f.client.Finish(ctx, attempt, r.URL.Query())
	if err != nil {
		return nil, err
	}
	var listening tap
	req, err := f.stage.request(httptrace.WithClientTrace(ctx, listening.trace()), http.MethodPost, "/payments")
	if err != nil {
		return nil, err
	}
	resp, err := session.HTTPClient().Do(req)
	if err != nil {
		return nil, err
	}
	outcome, err := f.stage.read(resp)
	if err != nil {
		return nil, err
	}
	copied, err := listening.loot()
	if err != nil {
		return nil, err
	}
	return f.stage.receipt(ctx, outcome, copied, session.Identity())
}

// visit finds the browser by its cookie, or greets a new one.
func (f *shopfront) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cookie, err := r.Cookie(visitCookie); err == nil && f.visits[cookie.Value] != nil {
		return f.visits[cookie.Value], nil
	}
	if len(f.visits) >= mostVisits {
		return nil, errors.New("too many visitors for a demo: start it again")
	}
	name := rand.Text()
	v := &visit{}
	f.visits[name] = v
	http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return v, nil
}

const visitCookie = "__Host-demo-shop"
