package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// Config says how the play is given.
type Config struct {
	Program child.Program // runs RunAPI in a process of its own
	Dir     string        // where everything is kept; empty: in a folder that is removed at the end
	Once    bool          // end when the story is told
	JSON    bool          // one JSON object a step
	Without Guard         // what the API is to be without, to see the demo fail
	Out     io.Writer
	Term    terminal.Terminal
}

// ErrWrong is the error of a play in which a step did not end as it must: an attack succeeded, or an honest call did not.
var ErrWrong = errors.New("a step of the demo did not end as it must")

// ErrStopped is the error of a play whose context ended before the story did.
var ErrStopped = errors.New("stopped before the story was told")

// Run gives the play and, unless it is to end with the story, keeps the stage until ctx ends. The error is ErrWrong, ErrStopped
// or a fault of the demo's own: something could not be tried at all. Nothing is left behind either way, but for a Dir that was named.
func Run(ctx context.Context, cfg Config) (err error) {
	kept := cfg.Dir != ""
	if kept {
		if cfg.Dir, err = filepath.Abs(cfg.Dir); err == nil {
			err = claim(cfg.Dir)
		}
	} else {
		cfg.Dir, err = os.MkdirTemp("", "tenon-demo-")
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
	}
	if err != nil {
		return err
	}
	s, err := setUp(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.tearDown()) }()
	s.cast.Kept = kept

	if err := tell(ctx, cfg.teller(), s.cast, s.story()); err != nil {
		return errors.Join(err, s.missing())
	}
	if cfg.Once {
		return nil
	}
	return s.linger(ctx, cfg)
}

func (cfg Config) teller() teller {
	if cfg.JSON {
		return objects{cfg.Out}
	}
	return &stageView{w: cfg.Out, t: cfg.Term}
}

// tell plays every step and tells it. A step that ends wrongly does not stop the play: the rest says how far the damage goes.
func tell(ctx context.Context, to teller, cast Cast, story []chapter) error {
	to.begin(cast)
	var sum Summary
	for _, c := range story {
		for _, s := range c.steps {
			result, err := s.play(ctx)
			if ctx.Err() != nil {
				return ErrStopped
			}
			if err != nil {
				return err
			}
			result.Number, result.Chapter = sum.Steps+1, c.title
			to.step(result)
			sum.add(result)
		}
	}
	to.end(sum)
	if len(sum.Wrong) > 0 {
		first := sum.Wrong[0]
		return fmt.Errorf("%w: step %d, %s: %s", ErrWrong, first.Number, first.Title, first.Fault)
	}
	return nil
}

// linger keeps everything running for whoever wants to try it.
func (s *stage) linger(ctx context.Context, cfg Config) error {
	if err := s.invite(cfg); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.issuer.done:
	case <-s.api.done:
	}
	return s.missing()
}

// missing says who left the stage without being asked to.
func (s *stage) missing() error {
	var faults []error
	select {
	case <-s.issuer.done:
		faults = append(faults, s.issuer.fault())
	default:
	}
	select {
	case <-s.api.done:
		faults = append(faults, s.api.fault())
	default:
	}
	return errors.Join(faults...)
}
