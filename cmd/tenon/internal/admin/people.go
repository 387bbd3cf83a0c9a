package admin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
)

// ErrNoPeople means that the configuration lets nobody log in.
var ErrNoPeople = errors.New("nobody can log in here: login.people is off in the configuration")

// A Login is a person and what they can log in with.
type Login struct {
	people.Person
	Factors people.Factors `json:"factors"`
}

// A newPerson is somebody to add. A password travels in its own field: it is no part of what is known of a person.
type newPerson struct {
	Person   people.Person `json:"person"`
	Password string        `json:"password,omitempty"`
}

type newPassword struct {
	Password string `json:"password"`
}

// servePeople adds the commands about people.
func (d *Desk) servePeople(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", answering(d.people))
	mux.HandleFunc("POST /people", answering(d.addPerson))
	mux.HandleFunc("GET /people/{username}", answering(d.person))
	mux.HandleFunc("PUT /people/{username}", answering(d.updatePerson))
	mux.HandleFunc("DELETE /people/{username}", answering(d.removePerson))
	mux.HandleFunc("PUT /people/{username}/password", answering(d.setPassword))
	mux.HandleFunc("DELETE /people/{username}/factors", answering(d.removeFactors))
}

// named finds the person that a path names.
func (d *Desk) named(r *http.Request) (people.Person, error) {
	if d.People == nil {
		return people.Person{}, ErrNoPeople
	}
	return d.People.Find(r.Context(), r.PathValue("username"))
}

func (d *Desk) login(ctx context.Context, p people.Person) (Login, error) {
	factors, err := d.People.Factors(ctx, p.Subject)
	return Login{p, factors}, err
}

func (d *Desk) people(r *http.Request) (any, error) {
	if d.People == nil {
		return nil, ErrNoPeople
	}
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 1 {
		return nil, errors.New("n is the number of people to list")
	}
	found, err := d.People.List(r.Context(), r.FormValue("after"), n)
	if err != nil {
		return nil, err
	}
	logins := make([]Login, len(found))
	for i, p := range found {
		if logins[i], err = d.login(r.Context(), p); err != nil {
			return nil, err
		}
	}
	return logins, nil
}

func (d *Desk) person(r *http.Request) (any, error) {
	p, err := d.named(r)
	if err != nil {
		return nil, err
	}
	return d.login(r.Context(), p)
}

// addPerson makes the password before it is said that all went well; somebody who could not get one is not left behind.
func (d *Desk) addPerson(r *http.Request) (any, error) {
	if d.People == nil {
		return nil, ErrNoPeople
	}
	var asked newPerson
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	added, err := d.People.Add(r.Context(), asked.Person)
	if err == nil && asked.Password != "" {
		if err = d.People.SetPassword(r.Context(), added.Subject, asked.Password); err != nil {
			err = errors.Join(err, d.People.Remove(r.Context(), added.Subject))
		}
	}
	d.changed("person added", "sub", added.Subject, err)
	if err != nil {
		return nil, err
	}
	return d.login(r.Context(), added)
}

func (d *Desk) updatePerson(r *http.Request) (any, error) {
	known, err := d.named(r)
	if err != nil {
		return nil, err
	}
	var p people.Person
	if err := read(r, &p); err != nil {
		return nil, err
	}
	if p.Subject != known.Subject {
		return nil, fmt.Errorf("%w: the subject cannot change", issuer.ErrClient)
	}
	updated, err := d.People.Update(r.Context(), p)
	if err == nil && updated.Disabled && !known.Disabled {
		_, err = d.Issuer.Revoke(r.Context(), issuer.Revocation{Person: p.Subject})
	}
	d.changed("person changed", "sub", known.Subject, err)
	if err != nil {
		return nil, err
	}
	return d.login(r.Context(), updated)
}

// removePerson ends what the person has allowed before the person is forgotten: afterwards nobody could say whose it was.
func (d *Desk) removePerson(r *http.Request) (any, error) {
	p, err := d.named(r)
	if err != nil {
		return nil, err
	}
	done, err := d.Issuer.Revoke(r.Context(), issuer.Revocation{Person: p.Subject})
	if err == nil {
		err = d.People.Remove(r.Context(), p.Subject)
	}
	d.changed("person removed", "sub", p.Subject, err)
	return done, err
}

func (d *Desk) setPassword(r *http.Request) (any, error) {
	p, err := d.named(r)
	if err != nil {
		return nil, err
	}
	var asked newPassword
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	err = d.People.SetPassword(r.Context(), p.Subject, asked.Password)
	d.changed("password set", "sub", p.Subject, err)
	return struct{}{}, err
}

// removeFactors takes away one-time codes and passkeys, for somebody who has lost them.
func (d *Desk) removeFactors(r *http.Request) (any, error) {
	p, err := d.named(r)
	if err != nil {
		return nil, err
	}
	factors, err := d.People.Factors(r.Context(), p.Subject)
	if err == nil && factors.TOTP {
		err = d.People.RemoveTOTP(r.Context(), p.Subject)
	}
	for _, key := range factors.Passkeys {
		if err == nil {
			err = d.People.RemovePasskey(r.Context(), p.Subject, key.ID)
		}
	}
	d.changed("factors removed", "sub", p.Subject, err)
	if err != nil {
		return nil, err
	}
	return d.login(r.Context(), p)
}

// AddPerson adds somebody who can log in; without a password they cannot until one is set.
func (c *Client) AddPerson(ctx context.Context, p people.Person, password string) (Login, error) {
	return ask[Login](ctx, c, http.MethodPost, "/people", newPerson{p, password})
}

// Person reads what is known of somebody.
func (c *Client) Person(ctx context.Context, username string) (Login, error) {
	return ask[Login](ctx, c, http.MethodGet, personPath(username), nil)
}

// People reads everybody, in the order of their subjects.
func (c *Client) People(ctx context.Context) iter.Seq2[Login, error] {
	return listed(ctx, c, "/people", func(l Login) string { return l.Subject })
}

// UpdatePerson puts what is known of somebody in the place of what was. To disable somebody ends all they have allowed.
func (c *Client) UpdatePerson(ctx context.Context, username string, p people.Person) (Login, error) {
	return ask[Login](ctx, c, http.MethodPut, personPath(username), p)
}

// RemovePerson ends everything that somebody has allowed, and forgets them.
func (c *Client) RemovePerson(ctx context.Context, username string) (issuer.Revoked, error) {
	return ask[issuer.Revoked](ctx, c, http.MethodDelete, personPath(username), nil)
}

// SetPassword gives somebody a new password.
func (c *Client) SetPassword(ctx context.Context, username, password string) error {
	_, err := ask[struct{}](ctx, c, http.MethodPut, personPath(username)+"/password", newPassword{password})
	return err
}

// RemoveFactors takes away one-time codes and passkeys.
func (c *Client) RemoveFactors(ctx context.Context, username string) (Login, error) {
	return ask[Login](ctx, c, http.MethodDelete, personPath(username)+"/factors", nil)
}

func personPath(username string) string { return "/people/" + url.PathEscape(username) }
