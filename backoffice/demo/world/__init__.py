"""The invented world: companies (`companies`), towns (`places`), equipment (`hardware`), and the Locations made of them
(`building`), a few of them faulty on purpose (`flaws`).

Plain data and pure functions: the same seed and moment give the same world. Loading it is `demo.actions.loading`.
"""
