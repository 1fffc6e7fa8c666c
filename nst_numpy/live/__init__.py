"""The page that answers: watch a picture grow, click a number, see where it comes from.

`questions` has the answers, pure functions of arrays; `painting` a run that can be paused; `server`
and `page` bring both to a browser on this machine. Starlette and uvicorn are an extra:
`pip install "nst_numpy[live]"`.
"""
