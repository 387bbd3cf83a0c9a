package people_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A person is added, logs in with a password, and has a session.
func Example() {
	dir, err := os.MkdirTemp("", "tenon")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "tenon.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	secrets := [][]byte{[]byte("32 random bytes from a good place")}
	d, err := people.New(people.Config{Store: s, Issuer: "https://id.example", Secrets: func() [][]byte { return secrets }})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := people.NewSessions(people.SessionConfig{Store: s})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	ada, err := d.Add(ctx, people.Person{Username: "Ada@Example.org"})
	if err != nil {
		log.Fatal(err)
	}
	if err := d.SetPassword(ctx, ada.Subject, "a long sentence about mortises"); err != nil {
		log.Fatal(err)
	}
	_, err = d.CheckPassword(ctx, people.Attempt{Username: "ada@example.org", Password: "a guess", Address: "192.0.2.1"})
	fmt.Println(err)
	who, err := d.CheckPassword(ctx, people.Attempt{Username: "ada@example.org", Password: "a long sentence about mortises", Address: "192.0.2.1"})
	if err != nil {
		log.Fatal(err)
	}
	cookie, _, err := sessions.Start(ctx, people.Session{Subject: who.Subject, Methods: []people.Method{people.Pwd}})
	if err != nil {
		log.Fatal(err)
	}
	session, err := sessions.Get(ctx, cookie)
	fmt.Println(session.Subject == ada.Subject, session.ACR(), people.AMR(session.Methods), err)
	// Output:
	// people: that is not right
	// true urn:tenon:acr:password [pwd] <nil>
}
