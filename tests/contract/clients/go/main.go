// The scenario, as a user of openapi-generator's Go client writes it; prints its transcript.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	gw "example.com/acme/clients/gatewayclient"
)

type record = map[string]any

// What a problem of the gateway tells that differs from run to run.
var ofOneRequest = []string{"detail", "instance", "request_id", "operation_id", "etag"}

var (
	ctx      = context.Background()
	gateway  = connected("GATEWAY_URL", "GATEWAY_KEY")
	reader   = connected("GATEWAY_URL", "READER_KEY")
	stranger = connected("GATEWAY_URL", "STRANGER_KEY")
	hasty    = connected("GATEWAY_URL", "HASTY_KEY")
	later    = connected("LATER_URL", "GATEWAY_KEY")
	key      = environ("RUN")
)

func environ(name string) string {
	value, found := os.LookupEnv(name)
	if !found {
		panic(name + " is not set")
	}
	return value
}

func connected(url, key string) *gw.APIClient {
	configuration := gw.NewConfiguration()
	configuration.Servers = gw.ServerConfigurations{{URL: environ(url)}}
	configuration.AddDefaultHeader("Authorization", "Bearer "+environ(key))
	return gw.NewAPIClient(configuration)
}

func tell(step string, members record) {
	members["step"] = step
	line, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func succeeded(err error) {
	if err != nil {
		panic(fmt.Sprintf("%v %+v", err, failure(err)))
	}
}

// The typed problem of a failed call.
func failure(err error) gw.Problem {
	var told *gw.GenericOpenAPIError
	if errors.As(err, &told) {
		if problem, typed := told.Model().(gw.Problem); typed {
			return problem
		}
	}
	panic(fmt.Sprintf("no typed problem: %v", err))
}

// A header, nil where the answer lacks it.
func header(answer *http.Response, name string) any {
	if values := answer.Header.Values(name); len(values) > 0 {
		return values[0]
	}
	return nil
}

func told(opportunity *gw.Opportunity) record {
	var amount, currency, stage, status *string
	var period any
	if value := opportunity.Value.Get(); value != nil {
		amount, currency, period = value.Amount.Get(), value.Currency.Get(), value.Period
	}
	if at := opportunity.Stage.Get(); at != nil {
		stage, status = at.Name.Get(), at.Status.Get()
	}
	warnings := []string{}
	for _, warning := range opportunity.Warnings {
		warnings = append(warnings, warning.Code)
	}
	return record{
		"id":                  opportunity.Id,
		"name":                opportunity.Name.Get(),
		"description":         opportunity.Description.Get(),
		"amount":              amount,
		"currency":            currency,
		"period":              period,
		"probability":         opportunity.Probability.Get(),
		"status":              opportunity.Status.Get(),
		"stage":               stage,
		"stage_status":        status,
		"expected_close_date": opportunity.ExpectedCloseDate.Get(),
		"contract":            opportunity.CustomFields["contract"],
		"robots":              opportunity.CustomFields["robots"],
		"warnings":            warnings,
		"dated":               opportunity.CreatedAt.Get() != nil,
		"added_later":         opportunity.AdditionalProperties["added_later"],
	}
}

func spelled(problem gw.Problem) record {
	var vendor, faults any
	if named := problem.Vendor.Get(); named != nil {
		vendor = record{
			"name":       named.Name.Get(),
			"connection": named.Connection.Get(),
			"status":     named.Status.Get(),
			"code":       named.Code.Get(),
			"message":    named.Message.Get(),
		}
	}
	if problem.Errors != nil {
		listed := []record{}
		for _, fault := range problem.Errors {
			listed = append(listed, record{
				"code":      fault.Code,
				"detail":    fault.Detail,
				"pointer":   fault.Pointer.Get(),
				"parameter": fault.Parameter.Get(),
				"header":    fault.Header.Get(),
				"allowed":   fault.Allowed,
			})
		}
		faults = listed
	}
	return record{
		"type":           problem.Type,
		"title":          problem.Title,
		"status":         problem.Status,
		"detail":         problem.Detail,
		"instance":       problem.Instance,
		"code":           problem.Code,
		"origin":         problem.Origin,
		"retry":          problem.Retry,
		"request_id":     problem.RequestId,
		"outcome":        problem.Outcome.Get(),
		"operation_id":   problem.OperationId.Get(),
		"opportunity_id": problem.OpportunityId.Get(),
		"etag":           problem.Etag.Get(),
		"applied":        problem.Applied,
		"vendor":         vendor,
		"errors":         faults,
		"added_later":    problem.AdditionalProperties["added_later"],
	}
}

func tellWrite(step string, opportunity *gw.Opportunity, answer *http.Response, err error) *gw.Opportunity {
	succeeded(err)
	tell(step, record{
		"http":        answer.StatusCode,
		"key":         header(answer, "Idempotency-Status"),
		"replayed":    header(answer, "Idempotent-Replayed"),
		"located":     header(answer, "Location"),
		"versioned":   header(answer, "ETag") == opportunity.Etag,
		"opportunity": told(opportunity),
	})
	return opportunity
}

func tellProblem(step string, answer *http.Response, err error) {
	problem := spelled(failure(err))
	for _, name := range ofOneRequest {
		delete(problem, name)
	}
	waits := header(answer, "Retry-After") != nil
	tell(step, record{"http": answer.StatusCode, "waits": waits, "problem": problem})
}

func valued(amount string) *gw.ValueDraft {
	value := gw.NewValueDraft()
	value.SetAmount(amount)
	return value
}

func createAndReplay() *gw.Opportunity {
	draft := gw.NewOpportunityDraft("acme-close")
	stage := gw.NewStageRef()
	stage.SetName("Proposal sent")
	draft.SetName("Warehouse roof")
	draft.SetDescription("South side first.")
	draft.SetValue(*valued("7500.00"))
	draft.SetStage(*stage)
	draft.SetExpectedCloseDate("2031-05-30")
	draft.SetCustomFields(record{
		"robots": []string{"Picker"}, "contract": "https://example.com/contracts/roof",
	})
	api := gateway.OpportunitiesAPI
	once := func() (*gw.Opportunity, *http.Response, error) {
		return api.CreateOpportunity(ctx).OpportunityDraft(*draft).IdempotencyKey(key + "-create").Execute()
	}
	created, answer, err := once()
	tellWrite("create", created, answer, err)
	created, answer, err = once()
	made := tellWrite("replay", created, answer, err)
	draft.SetName("Another roof")
	_, answer, err = once()
	tellProblem("another under the key", answer, err)
	return made
}

func read(made *gw.Opportunity) {
	api := gateway.OpportunitiesAPI
	found, answer, err := api.GetOpportunity(ctx, made.Id).Execute()
	succeeded(err)
	same := found.Etag == made.Etag
	tell("read", record{"http": answer.StatusCode, "same": same, "opportunity": told(found)})
	_, answer, _ = api.GetOpportunity(ctx, made.Id).IfNoneMatch(found.Etag).Execute()
	tell("read again", record{"http": answer.StatusCode})
}

func change(made *gw.Opportunity) {
	patch := gw.NewOpportunityPatch()
	patch.SetDescriptionNil()
	patch.SetValue(*valued("8000.50"))
	patch.SetCustomFields(record{"robots": []string{"Courier"}, "contract": nil})
	api := gateway.OpportunitiesAPI
	changed, answer, err := api.UpdateOpportunity(ctx, made.Id).
		OpportunityPatch(*patch).IfMatch(made.Etag).IdempotencyKey(key + "-change").Execute()
	tellWrite("change", changed, answer, err)
	more := gw.NewOpportunityPatch()
	more.SetCustomFieldsAdd(map[string][]any{"robots": {"Inspector"}})
	changed, answer, err = api.UpdateOpportunity(ctx, made.Id).OpportunityPatch(*more).IfMatch("*").Execute()
	tellWrite("add", changed, answer, err)
	_, answer, err = api.UpdateOpportunity(ctx, made.Id).OpportunityPatch(*more).IfMatch(made.Etag).Execute()
	tellProblem("stale version", answer, err)
}

func listToTheEnd() {
	items, pages := []string{}, 0
	ask := gateway.OpportunitiesAPI.ListOpportunities(ctx).
		Connection([]string{"acme-close", "acme-reevo"}).Limit(7)
	for more := true; more; pages++ {
		page, _, err := ask.Execute()
		succeeded(err)
		for _, opportunity := range page.Items {
			items = append(items, opportunity.Id)
		}
		cursor := page.NextCursor.Get()
		if more = cursor != nil; more {
			ask = ask.Cursor(*cursor)
		}
	}
	tell("list", record{"pages": pages, "items": items})
	page, _, err := gateway.OpportunitiesAPI.ListOpportunities(ctx).
		Connection([]string{"acme-reevo", "abroad-close"}).Execute()
	succeeded(err)
	failed := [][]string{}
	for _, trouble := range page.Errors {
		failed = append(failed, []string{trouble.Connection, trouble.Problem.Code})
	}
	tell("list without one", record{"items": len(page.Items), "failed": failed})
}

func meetProblems(made *gw.Opportunity) {
	api := gateway.OpportunitiesAPI
	get := func(step string, client *gw.APIClient, id string) {
		_, answer, err := client.OpportunitiesAPI.GetOpportunity(ctx, id).Execute()
		tellProblem(step, answer, err)
	}
	update := func(step string, client *gw.APIClient, id string, patch *gw.OpportunityPatch) {
		_, answer, err := client.OpportunitiesAPI.UpdateOpportunity(ctx, id).OpportunityPatch(*patch).Execute()
		tellProblem(step, answer, err)
	}
	create := func(step string, draft *gw.OpportunityDraft) {
		_, answer, err := api.CreateOpportunity(ctx).OpportunityDraft(*draft).Execute()
		tellProblem(step, answer, err)
	}
	name, stage, odd := gw.NewOpportunityPatch(), gw.NewOpportunityPatch(), gw.NewOpportunityPatch()
	nowhere := gw.NewStageRef()
	name.SetName("Roof")
	nowhere.SetName("No such stage")
	stage.SetStage(*nowhere)
	odd.SetCustomFields(record{"nil": 1})
	cents, twin := gw.NewOpportunityDraft("acme-slant"), gw.NewOpportunityDraft("acme-coperniq")
	cents.SetName("R")
	cents.SetValue(*valued("10.50"))
	twin.SetName("Harbour roof")
	_, _, err := api.CreateOpportunity(ctx).OpportunityDraft(*twin).Execute()
	succeeded(err)
	_, answer, err := api.ListOpportunities(ctx).Cursor("x").Execute()
	tellProblem("bad cursor", answer, err)
	get("unknown caller", stranger, made.Id)
	update("without the right", reader, made.Id, name)
	_, answer, err = gateway.ConnectionsAPI.GetConnection(ctx, "nowhere").Execute()
	tellProblem("no connection", answer, err)
	get("no opportunity", gateway, "acme-close.nothing")
	create("twin", twin)
	update("unknown stage", gateway, made.Id, stage)
	update("unknown field", gateway, made.Id, odd)
	create("cents", cents)
	update("no version", gateway, "careful-close.1", name)
	get("credentials", gateway, "abroad-close.oppo_1")
	get("switched off", gateway, "resting-close.oppo_1")
	for err = nil; err == nil; {
		_, answer, err = hasty.ConnectionsAPI.GetConnection(ctx, "acme-close").Execute()
	}
	tellProblem("too many", answer, err)
}

func meetEveryProblem() {
	for _, which := range strings.Fields(environ("PROBLEMS")) {
		patch := gw.NewOpportunityPatch()
		_, answer, err := later.OpportunitiesAPI.UpdateOpportunity(ctx, which).OpportunityPatch(*patch).Execute()
		tell("problem "+which, record{"http": answer.StatusCode, "problem": spelled(failure(err))})
	}
}

func surviveALaterRelease(made *gw.Opportunity) {
	found, _, err := later.OpportunitiesAPI.GetOpportunity(ctx, made.Id).Execute()
	succeeded(err)
	tell("later", record{"opportunity": told(found)})
	page, _, err := later.OpportunitiesAPI.ListOpportunities(ctx).
		Connection([]string{"acme-reevo", "abroad-close"}).Limit(1).Execute()
	succeeded(err)
	items, failed := []record{}, []string{}
	for opportunity := range slices.Values(page.Items) {
		items = append(items, told(&opportunity))
	}
	for _, trouble := range page.Errors {
		failed = append(failed, trouble.Problem.Code)
	}
	added := page.AdditionalProperties["added_later"]
	tell("later page", record{"items": items, "failed": failed, "added_later": added})
	connection, _, err := later.ConnectionsAPI.GetConnection(ctx, "acme-close").Execute()
	succeeded(err)
	capabilities, _, err := later.ConnectionsAPI.GetCapabilities(ctx, "acme-close").Execute()
	succeeded(err)
	operations, _, err := later.OperationsAPI.ListOperations(ctx).Limit(1).Execute()
	succeeded(err)
	states := []string{}
	for _, operation := range operations.Items {
		states = append(states, operation.State)
	}
	tell("later values", record{
		"state":      connection.State,
		"delete":     capabilities.Delete,
		"reads":      capabilities.Fields["name"].Read,
		"operations": states,
	})
}

func remove(made *gw.Opportunity) {
	api := gateway.OpportunitiesAPI
	answer, err := api.DeleteOpportunity(ctx, made.Id).Execute()
	succeeded(err)
	tell("delete", record{"http": answer.StatusCode})
	_, answer, err = api.GetOpportunity(ctx, made.Id).Execute()
	tellProblem("gone", answer, err)
}

func main() {
	made := createAndReplay()
	read(made)
	change(made)
	listToTheEnd()
	meetProblems(made)
	meetEveryProblem()
	surviveALaterRelease(made)
	remove(made)
}
