package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errBad  = errors.New("an item is bad")
	errAway = errors.New("the database is away")
)

// kitchen takes a second for each batch and notes what was in it.
type kitchen struct {
	mu      sync.Mutex
	batches [][]int
	away    bool
}

func (k *kitchen) run(ctx context.Context, items []int) ([]string, error) {
	k.mu.Lock()
	k.batches = append(k.batches, slices.Clone(items))
	away := k.away
	k.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if away {
		return nil, errAway
	}
	if slices.Contains(items, -1) {
		return nil, errBad
	}
	results := make([]string, len(items))
	for i, item := range items {
		results[i] = fmt.Sprint("done ", item)
	}
	return results, nil
}

func open(opts Options) (*kitchen, *Queue[int, string]) {
	k := &kitchen{}
	return k, New(opts, k.run, func(err error) bool { return errors.Is(err, errAway) })
}

// all asks for items in their order and returns what became of them.
func all(ctx context.Context, q *Queue[int, string], items ...int) map[int]string {
	var mu sync.Mutex
	got := map[int]string{}
	var wg sync.WaitGroup
	for _, item := range items {
		wg.Go(func() {
			result, err := q.Do(ctx, item)
			if err != nil {
				result = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			got[item] = result
		})
		synctest.Wait()
	}
	wg.Wait()
	return got
}

func TestWhoeverWaitsGoesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, q := open(Options{Executors: 2, Size: 3, Backlog: 10, Time: time.Minute})
		began := time.Now()
		got := all(t.Context(), q, 1, 2, 3, 4, 5, 6, 7)
		for item := 1; item <= 7; item++ {
			if got[item] != fmt.Sprint("done ", item) {
				t.Errorf("%d: %s", item, got[item])
			}
		}
		// Two alone at once, then those who waited, three and two at a time.
		slices.SortFunc(k.batches[2:], func(a, b []int) int { return a[0] - b[0] })
		if want := [][]int{{1}, {2}, {3, 4, 5}, {6, 7}}; !slices.EqualFunc(k.batches, want, slices.Equal) {
			t.Errorf("batches %v; want %v", k.batches, want)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s; want 2s", took)
		}
		q.Wait()
		if q.busy != 0 || q.Waiting() != 0 {
			t.Errorf("%d executors are left and %d wait", q.busy, q.Waiting())
		}
	})
}

func TestOneBadItemSpoilsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, q := open(Options{Executors: 1, Size: 8, Backlog: 10, Time: time.Minute})
		got := all(t.Context(), q, 1, 2, -1, 3)
		want := map[int]string{1: "done 1", 2: "done 2", -1: errBad.Error(), 3: "done 3"}
		for item, result := range want {
			if got[item] != result {
				t.Errorf("%d: %s; want %s", item, got[item], result)
			}
		}
		if want := [][]int{{1}, {2, -1, 3}, {2}, {-1}, {3}}; !slices.EqualFunc(k.batches, want, slices.Equal) {
			t.Errorf("batches %v; want %v", k.batches, want)
		}
	})
}

func TestAnErrorOfAllIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, q := open(Options{Executors: 1, Size: 8, Backlog: 10, Time: time.Minute})
		k.away = true
		for item, result := range all(t.Context(), q, 1, 2, 3) {
			if result != errAway.Error() {
				t.Errorf("%d: %s", item, result)
			}
		}
		if want := [][]int{{1}, {2, 3}}; !slices.EqualFunc(k.batches, want, slices.Equal) {
			t.Errorf("batches %v; want %v", k.batches, want)
		}
	})
}

func TestTheBacklogIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, q := open(Options{Executors: 1, Size: 1, Backlog: 2, Time: time.Minute})
		got := all(t.Context(), q, 1, 2, 3, 4)
		if got[3] != "done 3" || got[4] != ErrFull.Error() {
			t.Errorf("got %v; want the fourth to be refused", got)
		}
	})
}

// Whoever gives up while waiting is not served; whoever was taken hears how it ended.
func TestACallerWhoGivesUpKnowsWhatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, q := open(Options{Executors: 1, Size: 8, Backlog: 10, Time: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		got := all(ctx, q, 1, 2)
		if got[1] != "done 1" || got[2] != ErrLate.Error() {
			t.Errorf("got %v; want that the first was done and the second was late", got)
		}
		if len(k.batches) != 1 {
			t.Errorf("batches %v; want the first alone", k.batches)
		}
	})
}

func TestARunIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, q := open(Options{Executors: 1, Size: 8, Backlog: 10, Time: time.Millisecond})
		if _, err := q.Do(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v; want that of the run's time", err)
		}
	})
}
