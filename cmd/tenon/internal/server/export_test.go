package server

import (
	"log/slog"
	"net/http"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
)

// BreakStore makes every use of the store fail, as a disk that is gone does.
func (s *Server) BreakStore() error { return s.data.Store.Close() }

// Close gives up a server that was never run.
func (s *Server) Close() error { return s.close() }

// Bounded gives the HTTP server that every listener of a configuration gets.
func Bounded(cfg *config.Config) *http.Server {
	s := &Server{monitor: &ops.Monitor{Log: slog.New(slog.DiscardHandler)}}
	return s.bounded(cfg, http.NotFoundHandler())
}
