"""OpenAI's Responses API: requests and answers to and from the chat completions that everything within is made of."""
