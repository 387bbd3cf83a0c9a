package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenon-auth/tenon/issuer"
)

// A Client is a command's half: each method is one question to a [Desk].
type Client struct{ http *http.Client }

// page is how many of a listing travel at a time.
const page = 100

// Status asks which server answers.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodGet, "/status", nil)
}

// AddClient registers a client; see [issuer.Admin.AddClient].
func (c *Client) AddClient(ctx context.Context, registration issuer.Client) (issuer.Client, error) {
	return ask[issuer.Client](ctx, c, http.MethodPost, "/clients", registration)
}

// Client reads one registration.
func (c *Client) Client(ctx context.Context, id string) (issuer.Client, error) {
	return ask[issuer.Client](ctx, c, http.MethodGet, clientPath(id), nil)
}

// Clients reads all registrations in the order of their ids.
func (c *Client) Clients(ctx context.Context) iter.Seq2[issuer.Client, error] {
	return listed(ctx, c, "/clients", func(registration issuer.Client) string { return registration.ID })
}

// listed reads a whole listing, page by page. id gives what the next page comes after.
func listed[T any](ctx context.Context, c *Client, path string, id func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := ""; ; {
			query := url.Values{"after": {after}, "n": {strconv.Itoa(page)}}
			list, err := ask[[]T](ctx, c, http.MethodGet, path+"?"+query.Encode(), nil)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range list {
				if !yield(item, nil) {
					return
				}
				after = id(item)
			}
			if len(list) < page {
				return
			}
		}
	}
}

// UpdateClient puts a registration in the place of the one with its id.
func (c *Client) UpdateClient(ctx context.Context, registration issuer.Client) (issuer.Client, error) {
	return ask[issuer.Client](ctx, c, http.MethodPut, clientPath(registration.ID), registration)
}

// RemoveClient revokes a client's tokens and forgets it.
func (c *Client) RemoveClient(ctx context.Context, id string) error {
	_, err := ask[struct{}](ctx, c, http.MethodDelete, clientPath(id), nil)
	return err
}

// Keys lists the signing keys.
func (c *Client) Keys(ctx context.Context) ([]issuer.SigningKey, error) {
	return ask[[]issuer.SigningKey](ctx, c, http.MethodGet, "/keys", nil)
}

// RotateKey brings the next signing key forward.
func (c *Client) RotateKey(ctx context.Context) (issuer.SigningKey, error) {
	return ask[issuer.SigningKey](ctx, c, http.MethodPost, "/keys", nil)
}

// Revoke revokes live tokens; see [issuer.Admin.Revoke].
func (c *Client) Revoke(ctx context.Context, what issuer.Revocation) (issuer.Revoked, error) {
	return ask[issuer.Revoked](ctx, c, http.MethodPost, "/revocations", what)
}

// Check reads the whole store and tells what is wrong with it.
func (c *Client) Check(ctx context.Context) error {
	_, err := ask[struct{}](ctx, c, http.MethodPost, "/store/check", nil)
	return err
}

// Backup writes a consistent copy of the store to w. After an error, what was written is worth nothing.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	answer, err := c.send(ctx, http.MethodGet, "/store/backup", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(w, answer.Body)
	return err
}

// An id may hold anything, a slash too.
func clientPath(id string) string { return "/clients/" + url.PathEscape(id) }

// ask sends one question and reads the answer.
func ask[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var into T
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return into, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&into); err != nil {
		return into, fmt.Errorf("the server's answer: %w", err)
	}
	return into, nil
}

// send gives an answer of status 200; the fault of any other is the error.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://tenon"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the server did not answer: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	var f fault
	if err := json.NewDecoder(answer.Body).Decode(&f); err != nil {
		return nil, fmt.Errorf("the server answered %s", answer.Status)
	}
	return nil, f.err()
}
