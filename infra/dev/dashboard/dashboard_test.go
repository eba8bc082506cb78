package dashboard

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prometheus answers every query with two lines, one of which ends early.
func prometheus(t *testing.T) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.FormValue("query"))
		if strings.Contains(r.FormValue("query"), "broken") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status":"error","error":"parse error"}`)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[
			{"metric":{"game":"<dice>"},"values":[[1000,"1"],[1001,"3"],[1002,"2"]]},
			{"metric":{"game":"slots"},"values":[[1000,"5"],[1001,"NaN"],[1002,"+Inf"]]}]}}`)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server.URL, asked
}

const board = `{"title":"Casino","panels":[
	{"type":"row","title":"Top","gridPos":{"h":1,"w":24,"x":0,"y":0}},
	{"type":"stat","title":"Games","gridPos":{"h":4,"w":4,"x":0,"y":1},"targets":[{"expr":"a"}]},
	{"type":"timeseries","title":"Bets & more","gridPos":{"h":7,"w":8,"x":0,"y":5},"fieldConfig":{"defaults":{"unit":"ops"}},
	 "targets":[{"expr":"rate(b[$__rate_interval])","legendFormat":"{{game}} bets"}]}]}`

func TestADashboardIsDrawn(t *testing.T) {
	t.Parallel()
	url, asked := prometheus(t)
	b, err := Read([]byte(board))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Draw(t.Context(), &out, b, Source{URL: url, From: time.Unix(1000, 0), To: time.Unix(1120, 0)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Top", "Games", ">2<", "Bets &amp; more", "&lt;dice&gt; bets", "slots bets", ">5/s<", "L"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for d := xml.NewDecoder(strings.NewReader(out.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(*asked, "; "); got != "a; rate(b[1m])" {
		t.Errorf("asked for %s", got)
	}
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	t.Parallel()
	url, _ := prometheus(t)
	b, err := Read([]byte(strings.Replace(board, `"expr":"a"`, `"expr":"broken("`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	err = Draw(t.Context(), io.Discard, b, Source{URL: url, From: time.Unix(0, 0), To: time.Unix(120, 0)})
	if err == nil || !strings.Contains(err.Error(), "panel Games") || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("a broken expression: %v", err)
	}
	for _, text := range []string{"", "{", strings.Replace(board, `"stat"`, `"piechart"`, 1)} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("read %.40q", text)
		}
	}
}

func TestOursCanBeDrawn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../dashboards/vegascore.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(text)
	if err != nil || len(b.Panels) < 20 {
		t.Errorf("%d panels, %v", len(b.Panels), err)
	}
}
